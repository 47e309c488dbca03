import type { BalancerModel } from '@/domain/load-balancer/model'

/** HAProxy's table of what it counts for a rule or a backend beside its own statistics, by `rule/ID` and `backend/NAME`. */
export const figuresTable = 'figures'
/** Milliseconds up to which a latency belongs to each counter; the last is for longer ones (contracts/host/v1.ts). */
export const latencyBounds = [1, 3, 10, 30, 100, 300, 1000, 3000] as const
const [ruleCounter, backendCounter] = [1, 2] as const

export const figuresSection = ({ listeners, backends }: BalancerModel): string[] => [
  `backend ${figuresTable}`,
  `  stick-table type string len 80 size ${listeners.reduce((sum, { rules }) => sum + rules.length, backends.length + 64)} store conn_cur,http_req_cnt,http_err_cnt,http_fail_cnt,bytes_in_cnt,bytes_out_cnt,gpc(${latencyBounds.length + 1})`,
]

/** Counts a request for its rule and its backend. */
export const counted = [
  `http-request track-sc${ruleCounter} str(rule/),concat(,txn.rule,) table ${figuresTable} if { var(txn.rule) -m found }`,
  `http-request track-sc${backendCounter} str(backend/),concat(,txn.backend,) table ${figuresTable} if { var(txn.backend) -m found }`,
]

/** Counts how long a pod took to begin its answer, after the whole head of the request was there. HAProxy's clock is as old as its last look at its sockets. */
export const latencies = [
  'http-response set-var(txn.took) date(0,ms),sub(txn.began)',
  ...[...latencyBounds.map((bound) => ` if { var(txn.took) -m int le ${bound} }`), ''].flatMap((condition, i) => [
    `http-response sc-inc-gpc(${i},${ruleCounter})${condition}`,
    `http-response sc-inc-gpc(${i},${backendCounter})${condition}`,
    // The last condition holds for all: nothing is left to be skipped.
    ...(condition === '' ? [] : [`http-response allow${condition}`]),
  ]),
]
