import { option, pluginConfig } from '@koji/plugin-sdk';

/** The longest time in seconds that a receiver may be given. */
export const longestTimeout = 60;

const url = option.checked(option.text(null, 'Where messages are sent: http or https'), (given) =>
  given === null ? null : problemOf(given),
);
const timeout = option.number(10, 'Seconds that the receiver may take');

/** Options of webhooks.conf. */
export const config = pluginConfig(
  'webhooks',
  {
    message: {
      extra_limit: option.integer(0, "Characters that a build's extra data may have; 0 is no limit"),
    },
    'webhook*': {
      // Its path may be all that the receiver knows us by, so that it is for nobody's eyes.
      url: option.secret(option.required(url)),
      events: option.words(['*'], 'What is sent: patterns of addresses such as build.tag'),
      secret: option.secret(option.text(null, 'Signs what is sent')),
      timeout: option.checked(timeout, (seconds) =>
        seconds > 0 && seconds <= longestTimeout ? null : `must be above 0 and at most ${longestTimeout}`,
      ),
    },
  },
  // A URL has a % of its own.
  { interpolation: false },
);

function problemOf(given: string): string | null {
  if (!URL.canParse(given)) return 'not a URL';
  return /^https?:$/.test(new URL(given).protocol) ? null : 'neither http nor https';
}
