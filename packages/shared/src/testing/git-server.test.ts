import { expect, it } from '@jest/globals'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startGitServer } from './git-server.ts'

it('leaves nothing when it is closed in the middle of commits, and nothing is written after that', async () => {
  const server = await startGitServer()
  const repository = await server.createRepository('app', { 'a.txt': 'a' })
  const writing = Array.from({ length: 6 }, (_, index) => repository.commit({ [`${index}.txt`]: 'x'.repeat(1_000_000) }, { branch: `b${index}` }))
  const ended = Promise.allSettled(writing)
  await pause(30)
  await server.close()
  const root = path.dirname(repository.dir)
  expect(existsSync(root)).toBe(false)
  expect((await ended).filter(({ status }) => status === 'rejected').map((each) => String((each as PromiseRejectedResult).reason))).toContain('Error: the Git server is closed')
  await expect(repository.commit({ 'late.txt': 'late' })).rejects.toThrow('the Git server is closed')
  await pause(100)
  expect(existsSync(root)).toBe(false)
})
