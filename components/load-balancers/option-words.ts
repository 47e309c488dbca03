import type { BalancerDetail } from '@/domain/load-balancer/view'
import { formatBytes, formatCount } from '@/components/client/formats'

type Model = NonNullable<BalancerDetail['model']>
/** `choice`: its values with a word each, the empty one first: what holds where nothing is set. */
export type BalancerOption = { key: string; label: string; /** What it does, and what it costs. */ about: string; example?: string; choice?: ReadonlyArray<readonly [value: string, label: string]>; now: (model: Model) => string }
export type OptionGroup = { title: string; options: readonly BalancerOption[] }

/** "500 ms", "30 s", "5 min", "1 h". */
export function secondsText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`
  return `${seconds.toLocaleString('en')} s`
}

const onOff = [['', 'No'], ['true', 'Yes']] as const
const yes = (value: boolean) => (value ? 'Yes' : 'No')
const algorithms = { roundrobin: 'One after the other', leastconn: 'The one with the fewest connections', source: 'The same for a client’s address' } as const
const web = ({ listeners }: Model) => listeners.some(({ protocol }) => protocol === 'http' || protocol === 'https')

/** What can be set on a balancer, in plain words; `key` is the annotation without its prefix. */
export const optionGroups: readonly OptionGroup[] = [
  {
    title: 'Time',
    options: [
      { key: 'connect-timeout', label: 'Connect to a pod', example: '5s', about: 'How long a pod may take to accept a connection before another is tried. Shorter finds a dead pod sooner, and turns away a slow one.', now: ({ options }) => secondsText(options.connectSeconds) },
      { key: 'client-timeout', label: 'Client silent', example: '60s', about: 'A client that sends nothing for so long is disconnected. Longer keeps more idle connections, each of which counts against the limit below.', now: ({ options }) => secondsText(options.clientSeconds) },
      { key: 'server-timeout', label: 'Pod silent', example: '60s', about: 'How long a pod may take for an answer; then the client gets 504. Raise it for slow reports and long polls.', now: ({ options }) => secondsText(options.serverSeconds) },
      { key: 'request-timeout', label: 'Headers of a request', example: '10s', about: 'How long a client may take to send a request’s headers. It is what a slow or hostile client costs at most.', now: ({ options }) => secondsText(options.requestSeconds) },
      { key: 'tunnel-timeout', label: 'WebSocket silent', example: '1h', about: 'A WebSocket that is silent for so long is closed. Clients that send pings need no more than their interval.', now: ({ options }) => secondsText(options.tunnelSeconds) },
      { key: 'drain-timeout', label: 'Draining', example: '30s', about: 'Connections to a pod that leaves may end by themselves for so long. Longer loses fewer, and a replaced pod is used longer.', now: ({ options }) => secondsText(options.drainSeconds) },
    ],
  },
  {
    title: 'Limits',
    options: [
      { key: 'max-connections', label: 'Open connections', example: '10000', about: 'Clients beyond it wait. Each open connection takes some 20 KiB of the balancer’s memory.', now: ({ options }) => options.maxConnections.toLocaleString('en') },
      { key: 'rate-limit', label: 'Requests a second and client', example: '50', about: 'By a client’s address, over ten seconds; beyond it http gets 429 and others are closed. Many people behind one address (an office, a proxy) share it.', now: (model) => (model.options.ratePerSecond === null ? 'Any' : formatCount(model.options.ratePerSecond, web(model) ? 'request' : 'connection')) },
      { key: 'max-body', label: 'Size of a request', example: '10Mi', about: 'Larger ones get 413 before they reach a pod. Uploads need it as large as the largest file.', now: ({ options }) => (options.maxBodyBytes === null ? 'Any' : formatBytes(options.maxBodyBytes)) },
      { key: 'allow', label: 'Who may connect', example: '192.0.2.0/24, 2001:db8::/32', about: 'Subnets with commas between. Everybody else is closed at once; behind a proxy it is the proxy’s address that counts, unless PROXY is accepted.', now: ({ options }) => options.allow?.join(', ') ?? 'Everybody' },
    ],
  },
  {
    title: 'How it balances',
    options: [
      { key: 'algorithm', label: 'Which pod', choice: [['', algorithms.roundrobin], ['leastconn', algorithms.leastconn], ['source', algorithms.source]], about: 'The fewest connections suits long ones, such as WebSockets. The same pod for an address balances worse where many come from one.', now: ({ backends }) => [...new Set(backends.map(({ algorithm }) => algorithms[algorithm]))].join(', ') || algorithms.roundrobin },
      { key: 'sticky-cookie', label: 'Stay by cookie', example: 'hn', about: 'Its name: a browser stays with its pod by it. It loses that pod’s session when the pod goes. For http alone.', now: ({ backends }) => backends.find(({ stickyCookie }) => stickyCookie !== null)?.stickyCookie ?? 'No' },
      { key: 'backend-protocol', label: 'Spoken with pods', choice: [['', 'HTTP/1.1'], ['h2c', 'HTTP/2 without TLS'], ['grpc', 'gRPC']], about: 'Pods of gRPC need it. A pod that speaks HTTP/1.1 alone answers nothing then.', now: ({ backends }) => (backends.some(({ protocol }) => protocol === 'h2c') ? 'HTTP/2 without TLS' : 'HTTP/1.1') },
      { key: 'redirect-to-https', label: 'http leads to https', choice: onOff, about: 'A request of http is answered by 308 and comes again by https. Clients that follow no redirects fail.', now: ({ listeners }) => yes(listeners.some(({ redirectToHttps }) => redirectToHttps !== null)) },
    ],
  },
  {
    title: 'PROXY protocol and log',
    options: [
      { key: 'accept-proxy-protocol', label: 'Accept PROXY', choice: onOff, about: 'A proxy before it says who the client is. Turn it on only where every client is such a proxy: others are refused, or may say that they are anybody.', now: ({ listeners }) => yes(listeners.some(({ acceptProxy }) => acceptProxy)) },
      { key: 'send-proxy-protocol', label: 'Send PROXY', choice: onOff, about: 'Pods learn a client’s address before its first byte. Pods that do not expect it take it for nonsense.', now: ({ backends }) => yes(backends.some(({ sendProxy }) => sendProxy)) },
      { key: 'access-log', label: 'Log one request of', example: '1', about: '1 logs each, 100 every hundredth, off none; beyond 100 requests a second, a twentieth of that, and each that fails. The log is of limited size: the fewer are logged, the longer it reaches back.', now: ({ options }) => (options.logOneOf === null ? 'None' : options.logOneOf === 1 ? 'Each' : `${options.logOneOf.toLocaleString('en')}`) },
    ],
  },
]
export const allOptions: readonly BalancerOption[] = optionGroups.flatMap(({ options }) => options)
