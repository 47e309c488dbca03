'use client'
import type { ReactNode } from 'react'
import { formatCount } from '@/components/client/formats'
import { SimpleTable } from '@/components/patterns/simple-table'
import { Panel } from '@/components/ui/panel'
import { useBalancer } from './balancer-frame'
import { ruleRows } from './balancer-words'

/** Which request goes where. `children` is the form that stands over it. */
export function BalancerRules({ children }: { children?: ReactNode }) {
  const { balancer } = useBalancer()
  const rows = ruleRows(balancer)
  const rules = balancer.model?.listeners.reduce((sum, each) => sum + each.rules.length, 0) ?? 0
  return (
    <>
      <Panel
        title="Rules"
        description={rules > 0 ? `${formatCount(rules, 'rule')}; the first that fits decides` : undefined}
        flush
      >
        <SimpleTable
          label="Rules"
          heads={['Port', 'Host', 'Path', 'Goes to']}
          rows={rows.map((row) => ({
            key: row.key,
            cells: [
              <code key="port" className="font-mono text-xs">{row.listener}</code>,
              row.host === null ? <span key="host" className="text-faint">Every host</span> : <code key="host" className="font-mono text-xs">{row.host}</code>,
              <span key="path" className="font-mono text-xs">{row.path}</span>,
              row.redirect === null ? <code key="to" className="font-mono text-xs">{row.backend}</code> : <span key="to">the same address on https, port {row.redirect}</span>,
            ],
          }))}
          empty={<p>What it is asked to do cannot be carried out: its conditions on the overview say why.</p>}
        />
      </Panel>
      <p className="text-xs text-faint">An exact host comes before one with *, that before every host; an exact path before what lies below one, and the longer path before the shorter.</p>
      {children}
    </>
  )
}
