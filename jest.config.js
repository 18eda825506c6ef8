// Node strips the types itself (`transform: {}`), so what is tested is what is written.
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  testMatch: ['<rootDir>/packages/*/src/**/*.test.ts', '<rootDir>/tools/**/*.test.ts', '<rootDir>/e2e/**/*.test.ts', '<rootDir>/bench/**/*.test.ts'],
  // e2e/flux needs Flux's own programs: `npm run e2e:flux`.
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/e2e/flux/'],
  modulePathIgnorePatterns: ['/dist/'],
  testTimeout: 120_000,
  // Also on two cores: the longest files mostly wait, for deadlines and for clocks.
  maxWorkers: 3,
}
