'use client'
import { Check } from 'lucide-react'
import Link from 'next/link'
import { useId, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactElement, type ReactNode } from 'react'
import { cn } from './cn'
import { place, type Align } from './place'

export type MenuItem =
  | { kind?: 'item'; id: string; label: ReactNode; icon?: ReactNode; hint?: ReactNode; href?: string; onSelect?: () => void; danger?: boolean; checked?: boolean; disabledReason?: string | undefined }
  | { kind: 'separator'; id: string }
  | { kind: 'heading'; id: string; label: ReactNode }

/** What the button that opens the menu must carry. */
export type MenuTriggerProps = {
  id: string
  'aria-haspopup': 'menu'
  'aria-expanded': boolean
  'aria-controls': string | undefined
  onPointerDown: () => void
  onClick: (event: MouseEvent<HTMLElement>) => void
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void
}

const itemSelector = '[role^="menuitem"]'
const items = (menu: HTMLElement) => [...menu.querySelectorAll<HTMLElement>(itemSelector)]

function move(menu: HTMLElement, event: KeyboardEvent) {
  const list = items(menu)
  const at = list.findIndex((item) => item === document.activeElement)
  const to = event.key === 'ArrowDown' ? (at + 1) % list.length
    : event.key === 'ArrowUp' ? (at - 1 + list.length) % list.length
      : event.key === 'Home' ? 0
        : event.key === 'End' ? list.length - 1
          : event.key.length === 1 && !event.ctrlKey && !event.metaKey ? list.findIndex((item, i) => i > at && item.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()))
            : -1
  if (to < 0) return
  event.preventDefault()
  list[to]?.focus()
}

/** A menu under the button that `trigger` draws, in the browser's top layer; arrows, Home, End, letters, Escape. */
export function Menu({ trigger, entries, align = 'start', label }: { trigger: (props: MenuTriggerProps) => ReactElement; entries: readonly MenuItem[]; align?: Align; label: string }) {
  const id = useId()
  const [open, setOpen] = useState(false)
  const openWhenPressed = useRef(false)
  const anchor = () => document.getElementById(`${id}-trigger`)
  const close = (focus: boolean) => {
    setOpen(false)
    if (focus) anchor()?.focus()
  }
  return (
    <>
      {trigger({
        id: `${id}-trigger`,
        'aria-haspopup': 'menu',
        'aria-expanded': open,
        'aria-controls': open ? id : undefined,
        // The browser closes a popover by itself where the pointer is pressed and let go outside it (HTML: light dismiss), before the click: the click must not open it again. One of the keyboard has no detail.
        onPointerDown: () => { openWhenPressed.current = open },
        onClick: ({ detail }) => {
          setOpen(!open && !(detail > 0 && openWhenPressed.current))
          openWhenPressed.current = false
        },
        onKeyDown: (event) => { if (event.key === 'ArrowDown') { event.preventDefault(); setOpen(true) } },
      })}
      {open && (
        <div
          ref={(element) => {
            const button = anchor()
            if (!element || !button || element.matches(':popover-open')) return
            element.showPopover()
            place(element, button, { align })
            items(element)[0]?.focus({ preventScroll: true })
          }}
          id={id}
          role="menu"
          aria-label={label}
          popover="auto"
          tabIndex={-1}
          onToggle={(event) => { if (event.newState === 'closed') close(event.currentTarget.contains(document.activeElement)) }}
          onKeyDown={(event) => { if (event.key === 'Tab' || event.key === 'Escape') { event.preventDefault(); close(true) } else move(event.currentTarget, event) }}
          className="max-h-[70vh] min-w-48 max-w-80 animate-appear overflow-y-auto rounded-md border border-stroke-strong bg-overlay p-1 shadow-overlay"
        >
          {entries.map((entry) => <Entry key={entry.id} entry={entry} close={close} />)}
        </div>
      )}
    </>
  )
}

function Entry({ entry, close }: { entry: MenuItem; close: (focus: boolean) => void }) {
  if (entry.kind === 'separator') return <div role="separator" className="-mx-1 my-1 h-px bg-stroke" />
  if (entry.kind === 'heading') return <div role="presentation" className="px-2 pb-0.5 pt-1.5 text-2xs font-medium text-faint">{entry.label}</div>
  const off = entry.disabledReason !== undefined
  const className = cn(
    'flex min-h-7 w-full items-center gap-2 rounded-sm px-2 py-1 text-left text-sm outline-none [&_svg]:size-4 [&_svg]:shrink-0',
    off ? 'cursor-not-allowed text-faint focus:bg-hover' : entry.danger ? 'text-error-content hover:bg-error-soft focus:bg-error-soft' : 'text-content hover:bg-hover focus:bg-hover [&_svg]:text-faint',
  )
  const shared = { role: entry.checked === undefined ? 'menuitem' : 'menuitemradio', 'aria-checked': entry.checked, tabIndex: -1, className, 'aria-disabled': off || undefined }
  const body = (
    <>
      {entry.icon}
      <span className="min-w-0 flex-1">
        <span className="block truncate">{entry.label}</span>
        {off && <span className="block whitespace-normal text-xs text-faint">{entry.disabledReason}</span>}
      </span>
      {entry.hint && <span className="text-xs text-faint">{entry.hint}</span>}
      {entry.checked && <Check aria-hidden />}
    </>
  )
  if (entry.href && !off) return <Link {...shared} href={entry.href} onClick={() => close(false)}>{body}</Link>
  return <button type="button" {...shared} onClick={() => { if (off) return; close(true); entry.onSelect?.() }}>{body}</button>
}
