module.exports = globalThis[Symbol.for('koji.outside')](
  require.resolve('../../../packages/koji-client/package.json'),
  'undici',
);
