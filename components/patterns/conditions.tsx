import type { ReactNode } from 'react'
import type { Condition } from '@/domain/shared/condition'
import { StateMark, type StateShape } from '@/components/ui/state-badge'
import { Ago } from './time'

const shapes: Record<Condition['status'], StateShape> = { True: 'running', False: 'stopped', Unknown: 'unknown' }

/** Conditions: name, status, reason, since, what they say, and what `next` knows to do about each that is not as it should be. */
export function Conditions({ conditions, next }: { conditions: readonly Condition[]; next?: (condition: Condition) => ReactNode }) {
  // What follows from another condition says the same again.
  const same = ({ type, message }: Condition) => conditions.slice(0, conditions.findIndex((each) => each.type === type)).find((each) => message !== '' && each.message === message)
  if (conditions.length === 0) return <p className="px-4 py-6 text-center text-sm text-faint">No conditions reported yet.</p>
  return (
    <div role="group" aria-label="Conditions" tabIndex={0} className="relative overflow-x-auto focus-visible:-outline-offset-2">
      <table className="w-full text-left text-sm">
        <thead className="border-b border-stroke bg-surface text-xs text-faint">
          <tr>
            {['Condition', 'Status', 'Reason', 'Since'].map((head) => <th key={head} scope="col" className="h-8 whitespace-nowrap px-3 font-medium first:pl-4 last:pr-4">{head}</th>)}
          </tr>
        </thead>
        <tbody>
          {conditions.map((each) => (
            <tr key={each.type} className="border-b border-stroke align-top last:border-0">
              <th scope="row" className="px-3 py-2 first:pl-4 last:pr-4 font-medium">{each.type}</th>
              <td className="whitespace-nowrap px-3 py-2 first:pl-4 last:pr-4"><span className="inline-flex items-center gap-1.5"><StateMark shape={shapes[each.status]} />{each.status}</span></td>
              <td className="w-full min-w-48 px-3 py-2 first:pl-4 last:pr-4">
                <code className="font-mono text-xs">{each.reason || '—'}</code>
                {each.message && <p className="mt-0.5 text-xs text-faint wrap-anywhere">{same(each) ? `As ${same(each)?.type} says.` : each.message}</p>}
                {each.status !== 'True' && !same(each) && next?.(each)}
              </td>
              <td className="whitespace-nowrap px-3 py-2 pr-4 text-faint"><Ago time={each.lastTransitionTime} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
