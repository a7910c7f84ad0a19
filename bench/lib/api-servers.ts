/** Servers in processes of their own, and one request to them. */
import { type ChildProcess, fork } from 'node:child_process';
import { type Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';

/** What a server process says when it listens. */
interface Listening {
  readonly url: string;
  readonly token: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly url: URL;
  readonly token: string;
}

/** Controller and API, on the data of this directory. */
export function startApi(data: string): Promise<Started> {
  return start('api-server.ts', [data]);
}

/** Answers JSON with JSON, and does nothing else. */
export function startBare(): Promise<Started> {
  return start('bare-server.ts', []);
}

export function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

function start(file: string, args: readonly string[]): Promise<Started> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--no-warnings'] });
  return new Promise((resolve, reject) => {
    child.once('message', (message) => {
      const { url, token } = message as Listening;
      resolve({ child, url: new URL(url), token });
    });
    child.once('exit', (code) => reject(new Error(`${file} ended with exit code ${code}`)));
  });
}

/** One request; rejects when it is answered with anything but success. */
export function exchange(
  agent: Agent,
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  body?: object,
): Promise<void> {
  const text = body && JSON.stringify(body);
  const length = text === undefined ? {} : { 'content-length': Buffer.byteLength(text) };
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      { agent, method, headers: { ...headers, ...type, ...length } },
      (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          answer += part;
        });
        response.once('error', reject).once('end', () => {
          if (response.statusCode! < 300) resolve();
          else reject(new Error(`${method} ${url.pathname}: ${response.statusCode} ${answer.slice(0, 500)}`));
        });
      },
    );
    asking.once('error', reject).end(text);
  });
}
