import type { BalancerListener, BalancerModel } from '@/domain/load-balancer/model'

/** HAProxy's table of what it counts beside its own statistics: for a rule (`rule/ID`), and for what reaches a backend without any (`backend/NAME`). */
export const figuresTable = 'figures'
/** Milliseconds up to which a latency belongs to each counter; the last is for longer ones (contracts/host/v1/figures.ts). */
export const latencyBounds = [1, 3, 10, 30, 100, 300, 1000, 3000] as const
const partCounter = 1

export const figuresSection = ({ listeners, backends }: BalancerModel): string[] => [
  `backend ${figuresTable}`,
  `  stick-table type string len 80 size ${listeners.reduce((sum, { rules }) => sum + rules.length, backends.length + 64)} store conn_cur,http_req_cnt,http_err_cnt,http_fail_cnt,bytes_in_cnt,bytes_out_cnt,gpc(${latencyBounds.length + 1})`,
]

/** Counts a request for its rule, or its backend where no rule led there. */
export function counted({ rules, defaultBackend }: Pick<BalancerListener, 'rules' | 'defaultBackend'>): string[] {
  const part = rules.length > 0 ? 'var(txn.part)' : defaultBackend === null ? null : `str(backend/${defaultBackend})`
  return part === null ? [] : [`http-request track-sc${partCounter} ${part} table ${figuresTable}`]
}

/** Counts how long a pod took to begin its answer, after the whole head of the request was there. HAProxy's clock is as old as its last look at its sockets. */
export const latencies = [
  'http-response set-var(txn.took) date(0,ms),sub(txn.began)',
  ...latencyBounds.flatMap((bound, i) => [`http-response sc-inc-gpc(${i},${partCounter}) if { var(txn.took) -m int le ${bound} }`, `http-response allow if { var(txn.took) -m int le ${bound} }`]),
  `http-response sc-inc-gpc(${latencyBounds.length},${partCounter})`,
]
