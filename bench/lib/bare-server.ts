/** The floor: a web server that reads JSON, answers with JSON of the size of a VM, and does nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER = { kind: 'VirtualMachine', meta: { id: '0'.repeat(36), revision: 1 }, status: 'x'.repeat(300) };

const server = createServer((question, answer) => {
  let body = '';
  question.setEncoding('utf8').on('data', (part: string) => {
    body += part;
  });
  question.once('end', () => {
    const { name } = (body === '' ? {} : JSON.parse(body)) as { readonly name?: string };
    const text = JSON.stringify({ ...ANSWER, name });
    answer
      .writeHead(question.method === 'POST' ? 201 : 200, {
        'content-type': 'application/json',
        'content-length': text.length,
      })
      .end(text);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: '' });
});
process.once('SIGTERM', () => process.exit(0));
// Nobody is left to measure.
process.once('disconnect', () => process.exit(1));
