module.exports = globalThis[Symbol.for('koji.outside')](
  require.resolve('../../../packages/koji-hub/package.json'),
  'typeorm',
);
