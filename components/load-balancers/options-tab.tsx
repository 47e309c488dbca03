'use client'
import type { ReactNode } from 'react'
import { balancerAnnotationsOf } from '@/domain/load-balancer/annotations'
import { NOTHING } from '@/components/client/formats'
import { Badge } from '@/components/ui/badge'
import { Panel } from '@/components/ui/panel'
import { useBalancer } from './balancer-frame'
import { optionGroups } from './option-words'

/** Every option with its value now and what it costs. `children` is the form that stands over it. */
export function BalancerOptions({ children }: { children?: ReactNode }) {
  const { balancer: { metadata, model } } = useBalancer()
  const set = balancerAnnotationsOf(metadata.annotations)
  return (
    <>
      <div className="grid grid-cols-1 items-start gap-4 xl:grid-cols-2">
        {optionGroups.map(({ title, options }) => (
          <Panel key={title} title={title}>
            <dl className="-my-2">
              {options.map(({ key, label, about, now }) => (
                <div key={key} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 border-b border-stroke py-2 last:border-0">
                  <dt className="text-sm">{label}<span className="mt-0.5 block max-w-120 text-xs text-faint">{about}</span></dt>
                  <dd className="flex max-w-60 flex-col items-end gap-1 text-right text-sm font-medium wrap-anywhere">{model ? now(model) : NOTHING}{set[key] !== undefined && <Badge tone="accent">set</Badge>}</dd>
                </div>
              ))}
            </dl>
          </Panel>
        ))}
      </div>
      {children}
    </>
  )
}
