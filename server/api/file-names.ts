/** A name of one file inside a folder: no path, and nothing that a file system or a header would read as more. */
export function isFileName(name: string): boolean {
  const parts = name.split(/[/\0]/)
  return parts.length === 1 && name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255
}

/** The last part of a path; the whole container is its root. */
export const lastPart = (path: string): string => path.split('/').filter((part) => part !== '' && part !== '.' && part !== '..').at(-1) ?? 'root'

/**
 * `Content-Disposition` of a download (RFC 6266): a name in ASCII for old clients, the true one beside it. Separators,
 * control characters and quotes never reach the header.
 */
export function attachment(name: string): string {
  const clean = Array.from(name.replace(/[\p{Cc}\p{Cf}\p{Cs}/\\]/gu, '_')).slice(0, 200).join('')
  const ascii = clean.replace(/[^ -~]|["%]/g, '_')
  const encoded = encodeURIComponent(clean).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
