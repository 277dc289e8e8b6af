module.exports = globalThis[Symbol.for('koji.outside')](
  require.resolve('../../../packages/koji-core/package.json'),
  'winston',
);
