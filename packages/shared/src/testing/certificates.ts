import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** PEM texts of an authority, a server certificate for 127.0.0.1 and localhost, and a client certificate. */
export interface TestCertificates {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** What is wrong with a server's certificate, but for which it could be trusted. */
export type CertificateFlaw = 'expired' | 'other-host'

/** Made with `openssl` for one test. */
export async function makeCertificates(flaw?: CertificateFlaw): Promise<TestCertificates> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-certificates-'))
  const openssl = (...args: readonly string[]): Promise<unknown> => exec('openssl', [...args], { cwd: dir })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const issue = async (name: string, extensions: string): Promise<{ cert: string; key: string }> => {
    await writeFile(join(dir, `${name}.ext`), extensions)
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    await openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', flaw === 'expired' ? '-1' : '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`)
    return { cert: await readFile(join(dir, `${name}.crt`), 'utf8'), key: await readFile(join(dir, `${name}.key`), 'utf8') }
  }
  try {
    await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=weir test authority')
    const names = flaw === 'other-host' ? 'DNS:git.example.com' : 'IP:127.0.0.1,DNS:localhost'
    const server = await issue('server', `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`)
    const client = await issue('client', 'extendedKeyUsage=clientAuth\n')
    return { ca: await readFile(join(dir, 'ca.crt'), 'utf8'), server, client }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
