const pattern =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T]+(\d\d?):(\d\d)(?::(\d\d)(\.\d{1,6})?\d*)?)?\s*(Z|UTC|([+-])(\d\d):?(\d\d)?)?$/i;

const day = 86_400;

/**
 * Seconds since 1970 of a moment that a person wrote: a date with or without time, fraction and offset (UTC unless given),
 * or `now`, `today`, `yesterday`, `tomorrow`; null for anything else.
 */
export function momentIn(text: unknown): number | null {
  if (typeof text !== 'string') return null;
  const trimmed = text.trim();
  const present = Date.now() / 1000;
  const today = Math.floor(present / day) * day;
  const words: Readonly<Record<string, number>> = {
    now: present,
    today,
    yesterday: today - day,
    tomorrow: today + day,
  };
  const word = trimmed.toLowerCase();
  if (Object.hasOwn(words, word)) return words[word] ?? null;
  const found = pattern.exec(trimmed);
  return found && secondsOf(found);
}

function secondsOf(found: RegExpExecArray): number | null {
  const number = (group: number): number => Number(found[group] ?? 0);
  const [year, month, date, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, date);
  const exists = moment.getUTCMonth() === month - 1 && moment.getUTCDate() === date;
  if (!exists || hour > 23 || minute > 59 || second > 59 || number(10) > 15 || number(11) > 59) return null;
  const offset = (number(10) * 3600 + number(11) * 60) * (found[9] === '-' ? -1 : 1);
  return moment.getTime() / 1000 + hour * 3600 + minute * 60 + second + number(7) - offset;
}
