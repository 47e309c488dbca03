import type { IncomingMessage, ServerResponse } from 'node:http'
import { Counter, Histogram } from 'prom-client'

/** What a process counts of itself. Labels are from closed lists: nothing that a tenant names is one. */

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const startSeconds = [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300]

export const httpSeconds = new Histogram({ name: 'hypernetes_http_request_seconds', help: 'How long HTTP requests took.', labelNames: ['route', 'code'], buckets: seconds })
export const procedureSeconds = new Histogram({ name: 'hypernetes_procedure_seconds', help: 'How long tRPC procedures took, subscriptions up to their first word.', labelNames: ['procedure', 'outcome'], buckets: seconds })
export const podStartSeconds = new Histogram({ name: 'hypernetes_pod_start_seconds', help: "From a pod's creation to its first process, by how its machine was started.", labelNames: ['mode'], buckets: startSeconds })
export const podRestartSeconds = new Histogram({ name: 'hypernetes_pod_restart_seconds', help: "Later starts of a pod's machine, from their beginning on the host to the first process.", labelNames: ['mode'], buckets: startSeconds })
export const podStartPartSeconds = new Histogram({ name: 'hypernetes_pod_start_part_seconds', help: 'What the time of first starts was spent in; the parts of a start add up to it.', labelNames: ['part'], buckets: startSeconds })
export const schedulingSeconds = new Histogram({ name: 'hypernetes_pod_scheduling_seconds', help: "From a pod's creation to its binding to a host.", buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300] })
export const hostReports = new Counter({ name: 'hypernetes_host_reports_total', help: 'Reports of hosts that were stored.' })
export const podReportsStored = new Counter({ name: 'hypernetes_pod_reports_total', help: 'Reports of single pods, by whether they were newer than what was known.', labelNames: ['stored'] })
export const figureRows = new Counter({ name: 'hypernetes_figure_rows_total', help: 'Rows of figures that hosts sent and that were stored.' })

const routes: [prefix: string, route: string][] = [['/api/trpc/', 'api'], ['/api/auth/', 'auth'], ['/_next/', 'asset'], ['/api/images/', 'upload'], ['/api/volumes/', 'upload'], ['/metrics', 'metrics'], ['/healthz', 'health'], ['/readyz', 'health']]

/** Counts a request when its answer has been sent. */
export function observeHttp(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/'
  const end = httpSeconds.startTimer({ route: routes.find(([prefix]) => path.startsWith(prefix))?.[1] ?? 'page' })
  response.once('close', () => end({ code: response.writableFinished ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted' }))
}
