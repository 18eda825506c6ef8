import all from '../../jest.config.js'

// The tests of this folder and no others; `npm test` has it the other way round.
export default {
  ...all,
  rootDir: '../..',
  testMatch: ['<rootDir>/e2e/flux/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 300_000,
}
