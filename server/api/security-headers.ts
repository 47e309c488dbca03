import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

type Site = { publicUrl: string; /** Next's development server: it evaluates code, opens sockets of its own and writes styles without a nonce. */ dev: boolean }

const policy = (directives: Record<string, string>): string => Object.entries(directives).map(([name, value]) => `${name} ${value}`).join('; ')

/** For what is no page of the console: whatever a browser takes it for, it loads nothing, runs nothing and stands in no frame. */
const dataPolicy = policy({ 'default-src': "'none'", 'base-uri': "'none'", 'form-action': "'none'", 'frame-ancestors': "'none'" })

/**
 * The Content-Security-Policy of one answer with a page (docs/adr/0022-content-security-policy.md). A script runs only with the
 * nonce of this answer, or when one that has it loads it; a style element likewise, or from our own files.
 */
export function pagePolicy(nonce: string, { publicUrl, dev }: Site): string {
  const socket = new URL(publicUrl).origin.replace(/^http/, 'ws')
  const styles = dev ? "'self' 'unsafe-inline'" : `'self' 'nonce-${nonce}'`
  return policy({
    'default-src': "'none'",
    'script-src': `'nonce-${nonce}' 'strict-dynamic'${dev ? " 'unsafe-eval'" : ''}`,
    'style-src': styles,
    'style-src-elem': styles,
    // Attributes cannot hold a nonce: pages that the server renders have widths and positions in them. They run nothing.
    'style-src-attr': "'unsafe-inline'",
    // CodeMirror draws its marks from data: addresses in its style.
    'img-src': "'self' data:",
    'font-src': "'self'",
    // 'self' is our sockets too in new browsers alone.
    'connect-src': `'self' ${dev ? 'ws:' : socket}`,
    'manifest-src': "'self'",
    'worker-src': "'none'",
    'object-src': "'none'",
    'frame-src': "'none'",
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
    'form-action': "'self'",
  })
}

/** What the console never asks a browser for, so that nothing which ran in it could either. */
const permissions = ['camera', 'microphone', 'geolocation', 'payment', 'usb', 'serial', 'hid', 'bluetooth', 'midi', 'display-capture', 'screen-wake-lock', 'publickey-credentials-get', 'browsing-topics'].map((name) => `${name}=()`).join(', ')

/** Paths that no person opens as a page. */
const isData = (path: string): boolean => /^\/(?:api|_next|ws)\/|^\/(?:healthz|readyz|metrics)$/.test(path)
/** Files named by their content, the same for everybody. */
const isBuiltFile = (path: string): boolean => path.startsWith('/_next/static/') || path === '/icon.svg'

/**
 * Sets what every answer of the console says to browsers: no other site may frame it, read it, open it beside itself or
 * learn its addresses (a reset link holds a secret), and nothing between us and the browser keeps it. Next takes the nonce
 * for its own scripts from the request, where no client may have written one.
 */
export function secureResponse(request: IncomingMessage, response: ServerResponse, site: Site): void {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  const contentPolicy = isData(path) ? dataPolicy : pagePolicy(randomBytes(16).toString('base64'), site)
  request.headers['content-security-policy'] = contentPolicy
  delete request.headers['content-security-policy-report-only']
  const headers = {
    'content-security-policy': contentPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': permissions,
    'x-frame-options': 'DENY',
    // A year, of this host alone: its neighbours are not ours to speak for.
    ...(site.publicUrl.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
    ...(!isBuiltFile(path) && { 'cache-control': 'no-store' }),
  }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}
