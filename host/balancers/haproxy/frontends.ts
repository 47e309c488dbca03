import type { BalancerListener, BalancerModel } from '@/domain/load-balancer/model'
import { busy, logCaptures, logFormat, ring, ringName } from './access-log'
import { counted, latencies } from './figures-table'
import { inBalancer } from './places'
import { routing } from './rules'
import { sectionOf } from './servers'

export const clientsTable = 'clients'
export const allowFile = 'allow.list'
export const certificateList = (port: number): string => `certificates-${port}.list`
const rateSeconds = 10

/** One client: an IPv4 address, or the 64 bits of IPv6 that one customer has. */
const client = 'src,ipmask(32,64)'
export const clientsSection = ({ options }: BalancerModel): string[] =>
  options.ratePerSecond === null ? [] : [`backend ${clientsTable}`, `  stick-table type ipv6 size 50k expire ${3 * rateSeconds}s store http_req_rate(${rateSeconds}s),conn_rate(${rateSeconds}s)`]

/** The section of a listener of tcp, http or https. */
export function frontend(listener: BalancerListener, model: BalancerModel): string[] {
  const { port, protocol } = listener
  return [`frontend port-${port}`, ...[
    `mode ${protocol === 'tcp' ? 'tcp' : 'http'}`,
    ...['0.0.0.0', '[::]'].map((address) => bind(address, listener)),
    ...logging(listener, model),
    ...allowed(model),
    ...(protocol === 'tcp' ? ofTcp(listener, model) : ofHttp(listener, model)),
  ].map((line) => `  ${line}`)]
}

const bind = (address: string, { port, protocol, acceptProxy }: BalancerListener) => [
  `bind ${address}:${port}`,
  ...(address.startsWith('[') ? ['v6only'] : []),
  ...(acceptProxy ? ['accept-proxy'] : []),
  ...(protocol === 'https' ? ['ssl', 'crt-list', inBalancer(certificateList(port)), 'alpn', 'h2,http/1.1'] : []),
].join(' ')

const logging = ({ protocol }: BalancerListener, { options }: BalancerModel) => (options.logOneOf === null ? ['no log'] : [
  `log ring@${ringName} len ${ring.lineBytes} format raw sample 1:${options.logOneOf} local0`,
  // In quotation marks, in which a backslash keeps what follows as it is.
  `log-format "${logFormat[protocol === 'tcp' ? 'tcp' : 'http'].replaceAll('"', '\\"')}"`,
  ...(protocol === 'tcp' ? [] : logCaptures),
])

/** Who may connect is judged by the address that connects. Where that is a proxy's, this says which proxies may name their clients: anybody else could name any address, such as an allowed one. */
const allowed = ({ options }: BalancerModel) => (options.allow === null ? [] : [`tcp-request connection reject if !{ src -f ${inBalancer(allowFile)} }`])
/** Whose client it is, is known once the proxy spoke. */
const stage = ({ acceptProxy }: BalancerListener) => (acceptProxy ? 'session' : 'connection')

function ofTcp(listener: BalancerListener, { options: { ratePerSecond } }: BalancerModel): string[] {
  const at = stage(listener)
  return [
    ...(ratePerSecond === null ? [] : [`tcp-request ${at} track-sc0 ${client} table ${clientsTable}`, `tcp-request ${at} reject if { sc_conn_rate(0) gt ${ratePerSecond * rateSeconds} }`]),
    ...(listener.defaultBackend === null ? [] : [`default_backend ${sectionOf(listener.defaultBackend)}`]),
  ]
}

const ofHttp = (listener: BalancerListener, model: BalancerModel): string[] => [
  ...(listener.redirectToHttps === null ? ['tcp-request session set-var(sess.client) src,concat()'] : []),
  // A client that keeps a connection through a reload is told with its next answer, not by a closed door.
  'option idle-close-on-response',
  ...known(listener, model),
  ...limited(model),
  ...unambiguous,
  ...(listener.redirectToHttps === null ? answered(listener, model) : [redirect(listener.redirectToHttps)]),
]

/** When a request began, whether the log leaves it out, and what rules ask of it. */
const known = ({ rules }: BalancerListener, { options: { logOneOf } }: BalancerModel) => [
  'http-request set-var(txn.began) date(0,ms)',
  ...(logOneOf === null ? [] : [`http-request set-var(txn.unlogged) bool(true) if { fe_req_rate gt ${busy.requestsPerSecond} } !{ rand(${busy.oneOf}) eq 0 }`]),
  ...(rules.length === 0 ? [] : ['http-request set-var(txn.host) req.fhdr(host),host_only,lower,rtrim(.),bytes(0,255)', 'http-request set-var(txn.path) path,bytes(0,600)']),
]

const limited = ({ options: { ratePerSecond } }: BalancerModel) => (ratePerSecond === null ? [] : [`http-request track-sc0 ${client} table ${clientsTable}`, `http-request deny deny_status 429 if { sc_http_req_rate(0) gt ${ratePerSecond * rateSeconds} }`])

const plainHost = "{ req.fhdr(host) -m reg '^[A-Za-z0-9._:\\[\\]-]+$' }"
/**
 * What two readers could understand differently. HAProxy's own parser refuses most of it (several hosts or lengths, unknown codings, control characters) and writes anew what it takes: of
 * a length beside chunks, the chunks alone. Names of hosts are left, which it takes in any form, or none; and tunnels, in which a pod would read requests that no rule has seen: CONNECT, and
 * every upgrade but WebSocket (HAProxy passes one to h2c on; a client that offers it goes on without).
 */
const unambiguous = [
  // What must name a plain host, of HTTP/1.1, or does name one. The name is looked at first: it is plain nearly always, and then nothing else is asked.
  'acl names-host req.ver -m str 1.1',
  'acl names-host req.fhdr(host) -m found',
  `http-request deny deny_status 400 if !${plainHost} names-host`,
  'http-request deny deny_status 405 if { method CONNECT }',
  'http-request deny deny_status 400 if { req.fhdr_cnt(upgrade) gt 1 }',
  'http-request del-header upgrade if { req.fhdr(upgrade) -m found } !{ req.fhdr(upgrade),lower -m str websocket }',
]

/** The same address at the port of https. */
const redirect = (port: number) => `http-request redirect location https://%[req.fhdr(host),host_only]${port === 443 ? '' : `:${port}`}%[pathq] code 308 if { req.fhdr(host) -m found }`

const answered = (listener: BalancerListener, model: BalancerModel): string[] => [
  ...bodyLimit(model),
  ...routing(listener),
  ...(listener.defaultBackend === null ? [`http-request return status 404 content-type text/plain string "No rule of this load balancer fits this host and path.\\n"${listener.rules.length === 0 ? '' : ' if !{ var(txn.backend) -m found }'}`] : []),
  ...counted(listener),
  ...forwarded(listener),
  ...(model.options.logOneOf === null ? [] : ['http-response set-log-level silent if { var(txn.unlogged) -m found } { status lt 400 }']),
  ...latencies,
  ...(listener.rules.length === 0 ? [] : [`use_backend ${sectionOf('%[var(txn.backend)]')} if { var(txn.backend) -m found }`]),
  ...(listener.defaultBackend === null ? [] : [`default_backend ${sectionOf(listener.defaultBackend)}`]),
]

const lengthRequired = 'http-request return status 411 content-type text/plain string "This load balancer limits the size of requests, and this one does not say its own: send it with a Content-Length.\\n"'
/** A body whose length nobody says could be of any: it is refused where there is a limit. With HTTP/2 a body is there or the request has ended. */
function bodyLimit({ options: { maxBodyBytes, requestSeconds } }: BalancerModel): string[] {
  if (maxBodyBytes === null) return []
  const unsaid = '!{ req.hdr(content-length) -m found }'
  return [
    `http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${maxBodyBytes} }`,
    `${lengthRequired} if { req.hdr(transfer-encoding) -m found }`,
    `http-request wait-for-body time ${Math.ceil(requestSeconds * 1000)}ms at-least 1 if { fc_http_major 2 } ${unsaid} !{ method CONNECT }`,
    `${lengthRequired} if { fc_http_major 2 } ${unsaid} { req.body_size gt 0 } !{ method CONNECT }`,
  ]
}

/**
 * Who asked, and how: in place of what the client says of that itself, also in names that a program would take for the same. And none of what offers h2c, which is between two neighbours (RFC 7540, 3.2.1).
 * One look at all headers, whose names are of small letters here. The client's address is written once a connection.
 */
const forwarded = ({ protocol, port }: BalancerListener) => [
  "http-request del-header '^(x[-_]forwarded|(forwarded|proxy|http2-settings|x[-_]real[-_]ip|x[-_]client[-_]ip|true[-_]client[-_]ip)$)' -m reg",
  'http-request add-header X-Forwarded-For %[var(sess.client)]',
  'http-request add-header X-Real-IP %[var(sess.client)]',
  `http-request add-header X-Forwarded-Proto ${protocol}`,
  `http-request add-header X-Forwarded-Port ${port}`,
  'http-request add-header X-Forwarded-Host %[req.fhdr(host)] if { req.fhdr(host) -m found }',
]
