import type { Mutation } from '../mutation.ts'

const shared = 'packages/shared/src'
const extract = { file: `${shared}/files/extract-tar.test.ts` }
const bounds = { ...extract, title: 'bounds bytes, entries and depth after decompression' }

/** Archives, trees and artifacts. */
export const ofFiles: readonly Mutation[] = [
  {
    name: 'tar-entry-climbs',
    removes: [{ file: `${shared}/files/entry-rules.ts`, search: "if (parts.includes('..')) throw", replace: 'if (false) throw' }],
    test: { ...extract, title: 'refuses a name that climbs out' },
  },
  {
    name: 'tar-entry-absolute',
    removes: [{ file: `${shared}/files/entry-rules.ts`, search: "if (name.startsWith('/')) throw", replace: 'if (false) throw' }],
    test: { ...extract, title: 'refuses an absolute name' },
  },
  {
    name: 'tar-links',
    removes: [{ file: `${shared}/files/entry-rules.ts`, search: "return 'skipped'", replace: "return 'file'" }],
    test: { ...extract, title: 'skips links and devices, so that nothing is written through them' },
  },
  {
    name: 'tar-entry-twice',
    removes: [{ file: `${shared}/files/tree-writer.ts`, search: 'constants.O_EXCL | constants.O_NOFOLLOW', replace: 'constants.O_TRUNC' }],
    test: { ...extract, title: 'refuses a name twice' },
  },
  {
    name: 'tar-entry-twice-flat',
    removes: [{ file: `${shared}/files/flat-tree.ts`, search: 'if (files.has(path)) throw', replace: 'if (false) throw' }],
    test: { ...extract, title: 'refuses a name twice' },
  },
  {
    name: 'gzip-bomb',
    removes: [
      { file: `${shared}/files/extract-tar.ts`, search: 'if (seen.bytes + (entry.header.size ?? 0) > limits.maxBytes) throw tooLarge()', replace: '' },
      { file: `${shared}/files/extract-tar.ts`, search: 'if (seen.bytes > limits.maxBytes) throw tooLarge()', replace: '' },
    ],
    test: bounds,
  },
  {
    name: 'tar-many-entries',
    removes: [{ file: `${shared}/files/extract-tar.ts`, search: 'if (seen.entries > limits.maxEntries) throw', replace: 'if (false) throw' }],
    test: bounds,
  },
  {
    name: 'tar-deep',
    removes: [{ file: `${shared}/files/extract-tar.ts`, search: 'if (depthOf(path) > limits.maxDepth) throw', replace: 'if (false) throw' }],
    test: bounds,
  },
  {
    name: 'tar-header-bomb',
    removes: [{ file: `${shared}/files/extract-tar.ts`, search: 'if (meter.sinceProgress > maxHeaderBytes) throw', replace: 'if (false) throw' }],
    test: { ...extract, title: 'refuses headers that would fill the memory' },
  },
  {
    name: 'pack-links',
    removes: [{ file: `${shared}/files/pack-tree.ts`, search: "} else if (entry.isFile() && keep(path, 'file')) {", replace: "} else if (keep(path, 'file')) {" }],
    test: { file: `${shared}/files/pack-tree.test.ts`, title: 'writes what the contract says, in its order' },
  },
  {
    name: 'pack-git-folder',
    removes: [{ file: `${shared}/artifact/ignore-rules.ts`, search: "const versionControl = ['.git/', ", replace: 'const versionControl = [' }],
    test: { file: `${shared}/artifact/ignore-rules.test.ts`, title: 'leaves out version control, media, CI files and secrets of tools by default' },
  },
  {
    name: 'ignore-patterns-without-bound',
    removes: [{ file: `${shared}/artifact/ignore-rules.ts`, search: 'if (line.length > 1024 || isCostly) throw', replace: 'if (false) throw' }],
    test: { file: `${shared}/artifact/ignore-rules.test.ts`, title: 'refuses *a*a*a*a*b, which could take for ever' },
  },
  {
    name: 'store-path',
    // The server looks a second time where a link has led.
    removes: [
      { file: `${shared}/files/secure-join.ts`, search: 'if (!isInside(base, existing)) throw escapes(path)', replace: '' },
      { file: `${shared}/artifact/server.ts`, search: 'if (!staysInPlace(real, base, parts)) return undefined', replace: '' },
    ],
    test: { file: `${shared}/artifact/store.test.ts`, title: 'does not leave its root by /gitrepository/flux-system/fleet/escape.tar.gz' },
  },
  {
    name: 'store-beside-artifacts',
    removes: [{ file: `${shared}/artifact/layout.ts`, search: 'if (!kindFolders.has(kind) || ', replace: 'if (' }],
    test: { file: `${shared}/artifact/store.test.ts`, title: 'serves artifacts and nothing else that lies in its root: not /git/temp/login-1/identity' },
  },
  {
    name: 'git-cache-in-the-store',
    removes: [{ file: 'packages/source-controller/src/folders.ts', search: 'if (!isInside(realStorage, realCache) && !isInside(realCache, realStorage)) return', replace: 'if (realStorage) return' }],
    test: { file: 'packages/source-controller/src/folders.test.ts', title: 'are refused: the cache inside the storage' },
  },
  {
    name: 'ignore-file-size',
    removes: [{ file: `${shared}/artifact/ignore-rules.ts`, search: 'if (size > maxRulesBytes) throw', replace: 'if (false) throw' }],
    test: { file: `${shared}/artifact/ignore-rules.test.ts`, title: 'refuses a file that is too large without reading it' },
  },
  {
    name: 'ignore-many-patterns',
    removes: [{ file: `${shared}/artifact/ignore-rules.ts`, search: 'if (into.length >= maxPatterns) throw', replace: 'if (false) throw' }],
    test: { file: `${shared}/artifact/ignore-rules.test.ts`, title: 'refuses more patterns than anybody writes' },
  },
  {
    name: 'artifact-digest',
    removes: [{ file: `${shared}/artifact/download.ts`, search: 'if (digest !== found.digest) throw', replace: 'if (false) throw' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'refuses tampered, truncated, swapped and wrongly sized artifacts' },
  },
  {
    name: 'artifact-size',
    removes: [{ file: `${shared}/artifact/fetcher.ts`, search: 'if (artifact.size !== undefined && artifact.size !== cached.archiveBytes) {', replace: 'if (false) {' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'refuses tampered, truncated, swapped and wrongly sized artifacts' },
  },
  {
    name: 'artifact-without-digest',
    removes: [{ file: `${shared}/artifact/fetcher.ts`, search: 'if (parsed === undefined) throw', replace: 'if (parsed === undefined) return digest\n  if (parsed === undefined) throw' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'takes a bare hex digest for sha256, and refuses none' },
  },
  {
    name: 'artifact-changed-in-cache',
    removes: [{ file: `${shared}/artifact/fetcher.ts`, search: 'if (digestOf(bytes) !== expected) throw', replace: 'if (false) throw' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'trusts nothing that an earlier process left' },
  },
  {
    name: 'artifact-redirect',
    removes: [{ file: `${shared}/artifact/download.ts`, search: 'retries: options.retries ?? defaultRetries })', replace: 'retries: options.retries ?? defaultRetries, redirects: 5 })' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'follows no redirect, which could lead to an address that only this process reaches' },
  },
  {
    name: 'artifact-trees-of-the-past',
    removes: [{ file: `${shared}/artifact/tree-shelf.ts`, search: 'for (const left of holdings.hold(source, entry)) if (left.pins === 0) void remove(left)', replace: 'holdings.hold(source, entry)' }],
    test: { file: `${shared}/artifact/fetcher.test.ts`, title: 'keeps two revisions of a source' },
  },
]
