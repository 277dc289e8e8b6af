import http from 'node:http';

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Headers of a request; of a list each is sent by itself. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

interface Asked {
  readonly method?: string;
  readonly headers?: Headers;
  readonly body?: string;
  /** The address that it is sent from. */
  readonly from?: string;
}

/** Sends one request as it is told, odd headers included. */
export function send(
  url: string,
  { method = 'GET', headers = {}, body = '', from = '127.0.0.1' }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const given = {
      ...headers,
      ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    };
    const options = { method, headers: given, agent: false, localAddress: from };
    const request = http.request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The text of an HTML page's token, which its forms carry. */
export function tokenIn(html: string): string {
  return /name="token" value="([^"]+)"/.exec(html)?.[1] ?? '';
}

const loginCookie = 'koji-web';

/** A browser: it keeps cookies and sends forms as browsers do. */
export class Visitor {
  setCookie = '';
  /** Cookies by name, each as `name=value`. */
  readonly cookies = new Map<string, string>();

  constructor(
    /** `http://127.0.0.1:PORT/koji/`. */
    readonly base: string,
    private readonly always: Headers = {},
  ) {}

  /** The cookie of the login, `name=value`; null if there is none. */
  get cookie(): string | null {
    return this.cookies.get(loginCookie) ?? null;
  }

  set cookie(cookie: string | null) {
    if (cookie === null) this.cookies.delete(loginCookie);
    else this.cookies.set(loginCookie, cookie);
  }

  get(address: string, headers: Headers = {}): Promise<Answer> {
    return this.ask(address, { headers });
  }

  /** Opens a form and sends it back with these fields, as a click on its button does. */
  async submit(address: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const { text } = await this.get(address);
    return this.post(address, { token: tokenIn(text), ...fields });
  }

  /** Sends a form. */
  post(
    address: string,
    fields: Readonly<Record<string, string>>,
    headers: Headers = { Origin: new URL(this.base).origin, 'Sec-Fetch-Site': 'same-origin' },
  ): Promise<Answer> {
    return this.ask(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  }

  logIn(user: string, password = 'test', page = ''): Promise<Answer> {
    return this.submit(`login${page === '' ? '' : `?page=${encodeURIComponent(page)}`}`, { user, password });
  }

  private async ask(address: string, asked: Asked): Promise<Answer> {
    const cookies = [...this.cookies.values()].join('; ');
    const headers = { ...this.always, ...(cookies === '' ? {} : { Cookie: cookies }), ...asked.headers };
    const answer = await send(this.base + address, { ...asked, headers });
    for (const line of answer.headers['set-cookie'] ?? []) {
      this.setCookie = line;
      const [pair = ''] = line.split(';');
      const [name = ''] = pair.split('=');
      if (/Max-Age=0/.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, pair);
    }
    return answer;
  }
}
