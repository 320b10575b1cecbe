// Asking the server. Everything that it says of a package is foreign: it becomes text, never markup.

const KEY = 'keyway-token';

let token = sessionStorage.getItem(KEY);

export const hasToken = () => token !== null;

export function remember(text) {
  token = text;
  sessionStorage.setItem(KEY, text);
}

export function forget() {
  token = null;
  sessionStorage.removeItem(KEY);
}

/** Why something was not done: what the server says, as it says it. */
export class Problem extends Error {
  constructor(status, { code, message, hint }) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** A token as a header can carry it. */
export const isToken = (text) => /^[\x21-\x7e]+$/.test(text);

/** Asks, and gives the answer, whose body is still to be read. */
export async function ask(method, path, { body, accept = 'application/json', signal, as = token } = {}) {
  const headers = { accept };
  if (as !== null) headers.authorization = `Bearer ${as}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: 'no-store', redirect: 'error' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { code: 'no-answer', message: 'the server does not answer', hint: 'is it running?' });
  }
  if (answer.ok) return answer;
  let told;
  try {
    told = (await answer.json()).error;
  } catch {
    // Not by our server.
  }
  if (typeof told?.message !== 'string') {
    told = { code: 'no-answer', message: `it was answered with the status ${answer.status}`, hint: null };
  }
  throw new Problem(answer.status, told);
}

/** The same, with what the answer says. */
export async function asked(method, path, options) {
  const answer = await ask(method, path, options);
  try {
    return await answer.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new Problem(0, { code: 'no-answer', message: 'the server did not end its answer', hint: null });
  }
}

export const packagePath = (name) => `/v1/packages/${encodeURIComponent(name)}`;

/** Opens a stream of server-sent events. */
export const open = (path, signal) => ask('GET', path, { accept: 'text/event-stream', signal });

/** The events of such a stream, until it ends. */
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = { type: 'message', data: [] };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === '') {
          if (event.data.length > 0) yield { type: event.type, data: event.data.join('\n') };
          event = { type: 'message', data: [] };
          continue;
        }
        const [, field, text] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (field === 'event') event.type = text;
        if (field === 'data') event.data.push(text);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const LONGEST = 4000;
// Controls, and what changes the order of a text or is not seen. The line break and the tab are harmless.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** A foreign text as it can be shown: nothing in it is unseen, and it has an end. */
export function printable(text) {
  const whole = String(text);
  const shown = whole.length > LONGEST ? `${whole.slice(0, LONGEST)}\u2026` : whole;
  return shown.replace(UNSEEN, (it) => `\\u{${it.codePointAt(0).toString(16)}}`);
}
