'use strict';
const { callback, context } = require('@koji/plugin-sdk');

/** Logs every tagging, before it happens and after. Throw here in `preTag`, and the build is not tagged. */
exports.mycallback = callback(
  'preTag',
  'postTag',
)((event, { tag, build, user, force }) => {
  const who = user === null ? 'nobody' : user.name;
  context.log.info(
    `mycallback: ${event} of ${build.nvr} into ${tag.name} by ${who}${force ? ', by force' : ''}`,
  );
});
