import type { BalancerBackend, BalancerListener, BalancerModel, BalancerServer } from '@/domain/load-balancer/model'
import { ring, ringName } from './access-log'
import { figuresSection } from './figures-table'
import { allowFile, certificateList, clientsSection, frontend } from './frontends'
import { certificateFile, configurationFile, inBalancer, runFolder, sockets } from './places'
import { mapFiles } from './rules'
import { sectionOf, serverName, serverText } from './servers'

/**
 * What HAProxy shall do. `certificates` are ids of those whose files are there; `stickyKey` makes cookies: hexadecimal, the same for one balancer wherever it runs. `room`: how many
 * connections this machine has room for.
 */
export type HaproxyPlan = { model: BalancerModel; servers: ReadonlyMap<string, readonly BalancerServer[]>; certificates: ReadonlySet<string>; stickyKey: string; room: number }

/** A reload leaves what is open to the process that has it: so long, in seconds, and no more such processes than that. */
const oldProcess = { leastSeconds: 900, most: 5 } as const

/**
 * All files of a HAProxy but its certificates, by name. Of a tenant's words the configuration itself has names of backends and of cookies alone, both of letters, digits,
 * `-` and `_`; hosts and paths are in files of their own, in which nothing but the end of a line means anything.
 */
export function configurationFiles(plan: HaproxyPlan): Map<string, string> {
  const { model } = plan
  const served = servedListeners(model, plan.certificates)
  return new Map([
    [configurationFile, configuration(plan, served)],
    ...mapFiles(served),
    ...(model.options.allow === null ? [] : [[allowFile, lines(model.options.allow)] as const]),
    ...served.filter(({ protocol }) => protocol === 'https').map(({ port, certificates }) => [certificateList(port), lines(certificates.filter((id) => plan.certificates.has(id)).map((id) => inBalancer(certificateFile(id))))] as const),
  ])
}

/** Those that HAProxy has: nothing of UDP, and of https what has a certificate. */
export const servedListeners = ({ listeners }: BalancerModel, certificates: ReadonlySet<string>): BalancerListener[] => listeners.filter(({ protocol, certificates: wanted }) => protocol !== 'udp' && (protocol !== 'https' || wanted.some((id) => certificates.has(id))))

const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('')

function configuration(plan: HaproxyPlan, listeners: readonly BalancerListener[]): string {
  const { model } = plan
  const connections = Math.min(model.options.maxConnections, plan.room)
  return [
    globalSection(model, connections),
    ['ring ' + ringName, '  format raw', `  maxlen ${ring.lineBytes}`, `  size ${ring.bytes}`],
    defaultsSection(model, connections),
    figuresSection(model),
    clientsSection(model),
    ...listeners.map((listener) => frontend(listener, model)),
    ...model.backends.filter(({ mode }) => mode !== 'udp').map((backend) => backendSection(backend, plan)),
  ].filter((section) => section.length > 0).map(lines).join('\n')
}

/** TLS as Mozilla's "intermediate" without finite fields. Little of all that takes memory before anybody connects. */
const globalSection = ({ options }: BalancerModel, connections: number): string[] => ['global', ...[
  'master-worker',
  `mworker-max-reloads ${oldProcess.most}`,
  'nbthread 1',
  `maxconn ${connections}`,
  `hard-stop-after ${Math.max(Math.ceil(options.drainSeconds), oldProcess.leastSeconds)}s`,
  `stats socket ${inBalancer(`${runFolder}/${sockets.worker}`)} mode 600 level admin expose-fd listeners`,
  'stats timeout 1h',
  'stats maxconn 50',
  'ssl-default-bind-options ssl-min-ver TLSv1.2',
  'ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  'ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
  'tune.ssl.cachesize 2000',
  'tune.bufsize 16384',
  'tune.maxrewrite 1024',
  'tune.http.maxhdr 101',
  'tune.h2.max-concurrent-streams 100',
].map((line) => `  ${line}`)]

const ms = (seconds: number) => `${Math.round(seconds * 1000)}ms`
const defaultsSection = ({ options: o }: BalancerModel, connections: number): string[] => ['defaults', ...[
  `timeout connect ${ms(o.connectSeconds)}`,
  `timeout client ${ms(o.clientSeconds)}`,
  `timeout server ${ms(o.serverSeconds)}`,
  `timeout tunnel ${ms(o.tunnelSeconds)}`,
  `timeout http-request ${ms(o.requestSeconds)}`,
  `timeout http-keep-alive ${ms(Math.min(o.clientSeconds, 60))}`,
  `timeout queue ${ms(o.connectSeconds)}`,
  `timeout check ${ms(Math.min(o.connectSeconds, 2))}`,
  `maxconn ${connections}`,
  'option dontlognull',
].map((line) => `  ${line}`)]

function backendSection(backend: BalancerBackend, { servers, stickyKey, model }: HaproxyPlan): string[] {
  return [`backend ${sectionOf(backend.name)}`, ...[
    `mode ${backend.mode === 'tcp' ? 'tcp' : 'http'}`,
    `balance ${backend.algorithm}`,
    // Only so may servers come and go.
    ...(backend.algorithm === 'source' ? ['hash-type consistent'] : []),
    'option redispatch 1',
    'retries 3',
    ...(backend.mode === 'http' ? ['http-reuse safe', 'retry-on conn-failure empty-response', 'http-request disable-l7-retry if !METH_GET !{ method OPTIONS }'] : []),
    ...(backend.mode === 'http' && backend.stickyCookie !== null ? [`cookie ${backend.stickyCookie} insert indirect nocache httponly${isSecure(model) ? ' secure' : ''} dynamic attr SameSite=Lax`, `dynamic-cookie-key ${stickyKey}`] : []),
    ...(servers.get(backend.name) ?? []).map((server) => `server ${serverName(server)} ${serverText(backend, server)}`),
  ].map((line) => `  ${line}`)]
}

/** Whether browsers reach it by https alone. */
const isSecure = ({ listeners }: BalancerModel) => listeners.every(({ protocol, redirectToHttps }) => protocol !== 'http' || redirectToHttps !== null)
