/** Seconds. A try has to end before the outbox ends it: see `timeLimit` in hub.ts. */
export const longestConnect = 30;
export const longestSend = 60;
