import {
  type ConnectRouter,
  createRouterTransport,
  type Interceptor,
  type Transport,
} from '@connectrpc/connect';
import { MAX_CONTROLLER_MESSAGE } from './messages.ts';

/**
 * The stream without a network, for agents in the controller's own process and for tests. Messages go through
 * the real codecs, so nothing passes here that would not pass over HTTP/2. Interceptors are Connect's: they see each message.
 */
export function memoryTransport(
  routes: (router: ConnectRouter) => void,
  interceptors: Interceptor[] = [],
): Transport {
  return createRouterTransport(routes, { transport: { readMaxBytes: MAX_CONTROLLER_MESSAGE, interceptors } });
}
