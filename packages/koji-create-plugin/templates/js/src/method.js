import { context, exported, option, pluginConfig } from '@koji/plugin-sdk';

const config = pluginConfig('__plugin__', {
  greeting: { word: option.text('Hello', 'What callers are greeted with') },
});

/** `koji call __name__ world`; who is not logged in gets a fault. */
export const __name__ = exported({ doc: 'Greet somebody.', needs: 'login' })((who) => {
  const { user } = context.session;
  return `${config.greeting.word} ${who}, says ${user.name}`;
});
