/** Where a stream socket is. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** An endpoint as a person reads it: the path, or `host:port`. */
export function endpointName(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}

/** Bytes that a unix socket's path may have: 107 on Linux, 103 on macOS and the BSDs. */
export const MAX_SOCKET_PATH: number = process.platform === 'linux' ? 107 : 103;
