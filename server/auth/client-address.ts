/**
 * The address of the client as the web process wrote it: it overwrites or extends `x-forwarded-for` with the address that
 * it saw, so the last entry is the one that no client can choose.
 */
export function clientAddress(headers: Record<string, unknown> | undefined): string {
  const header = headers?.['x-forwarded-for']
  return typeof header === 'string' ? (header.split(',').at(-1)?.trim().slice(0, 64) ?? '') : ''
}
