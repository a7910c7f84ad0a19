/** Whether the controller is there: a new connection, with everything that proves who is at the other end. */
import { connect as connectHttp2 } from 'node:http2';
import type { Credentials } from '../identity/credentials.ts';
import { CONTROLLER_NAME } from '../identity/names.ts';

export interface Probed {
  /** Why it did not come about; undefined: it did. */
  readonly trouble: string | undefined;
  /** What time it is at the controller, milliseconds since 1970, to the second; undefined where it does not say. */
  readonly time: number | undefined;
}

/** Milliseconds that a connection may take. */
const LIMIT = 4_000;

/** Never rejects. */
export function probeController({
  controllerUrl,
  key,
  certificate,
  caCertificates,
}: Credentials): Promise<Probed> {
  return new Promise((resolve) => {
    const session = connectHttp2(controllerUrl, {
      key,
      cert: certificate,
      ca: [...caCertificates],
      servername: CONTROLLER_NAME,
      minVersion: 'TLSv1.3',
    });
    const end = (probed: Probed) => {
      clearTimeout(timer);
      session.destroy();
      resolve(probed);
    };
    const timer = setTimeout(() => end({ trouble: 'no answer came in time', time: undefined }), LIMIT);
    session.on('error', (error) => end({ trouble: error.message, time: undefined }));
    session.on('close', () => end({ trouble: 'it closed the connection', time: undefined }));
    session.on('connect', () => {
      const request = session.request({ ':method': 'HEAD', ':path': '/' }, { endStream: true });
      request.on('error', (error) => end({ trouble: error.message, time: undefined }));
      request.on('response', ({ date }) => {
        const time = typeof date === 'string' ? Date.parse(date) : Number.NaN;
        end({ trouble: undefined, time: Number.isNaN(time) ? undefined : time });
      });
    });
  });
}
