'use client'
import { cn } from '@/components/ui/cn'
import { cellClass } from './columns'
import type { Selection } from './selection'

// The whole cell takes the press, so the target is larger than the box.
const box = 'flex size-6 items-center justify-center'
const input = 'size-3.5 accent-accent-solid'

/** The box in a row: Shift with a click or Space chooses everything up to it. */
export function SelectCell({ rowKey, name, selection }: { rowKey: string; name: string; selection: Selection }) {
  return (
    <td className={cn(cellClass, 'w-9 pr-0!')}>
      <label className={box}>
        <input
          type="checkbox"
          aria-label={`Select ${name}`}
          data-row-select={rowKey}
          className={input}
          checked={selection.has(rowKey)}
          onClick={(event) => selection.toggle(rowKey, event.shiftKey)}
          onChange={() => {}}
        />
      </label>
    </td>
  )
}

/** The box in the head: all rows of this page. */
export function SelectAllCell({ label, selection }: { label: string; selection: Selection }) {
  return (
    <th scope="col" className={cn(cellClass, 'w-9 pr-0!')}>
      <label className={box}>
        <input
          ref={(element) => { if (element) element.indeterminate = selection.inSight === 'some' }}
          type="checkbox"
          aria-label={`Select all ${label} on this page`}
          className={input}
          checked={selection.inSight === 'all'}
          onChange={selection.toggleAll}
        />
      </label>
    </th>
  )
}
