'use client'
import { useId, useState, type ComponentProps } from 'react'
import { cn } from './cn'
import { controlClass } from './input'
import { place } from './place'

type ComboboxProps = Omit<ComponentProps<'input'>, 'onChange' | 'value'> & {
  value: string
  onChange: (next: string) => void
  options: ReadonlyArray<{ value: string; detail?: string }>
  mono?: boolean
}

/** A text field that offers what fits: free text stays possible. Arrows choose, Enter takes, Escape closes. */
export function Combobox({ value, onChange, options, mono, className, ...rest }: ComboboxProps) {
  const listId = useId()
  const [open, setOpen] = useState(false)
  const [active, setActive] = useState(-1)
  const matches = options.filter((option) => option.value !== value && option.value.toLowerCase().includes(value.toLowerCase())).slice(0, 50)
  const shown = open && matches.length > 0
  const take = (next: string) => { onChange(next); setOpen(false); setActive(-1) }
  return (
    <>
      <input
        role="combobox"
        aria-expanded={shown}
        aria-controls={shown ? listId : undefined}
        aria-activedescendant={shown && active >= 0 ? `${listId}-${active}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        className={cn(controlClass, 'h-8', mono && 'font-mono text-xs', className)}
        value={value}
        onChange={(event) => { onChange(event.target.value); setOpen(true); setActive(-1) }}
        onFocus={() => setOpen(true)}
        onBlur={() => { setOpen(false); setActive(-1) }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            event.preventDefault()
            setOpen(true)
            setActive((at) => (at + (event.key === 'ArrowDown' ? 1 : -1) + matches.length) % Math.max(1, matches.length))
          } else if (event.key === 'Enter' && shown && matches[active]) {
            event.preventDefault()
            take(matches[active].value)
          } else if (event.key === 'Escape' && shown) {
            event.preventDefault()
            setOpen(false)
          }
        }}
        {...rest}
      />
      {shown && (
        <ul
          ref={(element) => {
            const input = document.querySelector<HTMLElement>(`[aria-controls="${CSS.escape(listId)}"]`)
            if (!element || !input || element.matches(':popover-open')) return
            element.style.width = `${input.getBoundingClientRect().width}px`
            element.showPopover()
            place(element, input)
          }}
          id={listId}
          role="listbox"
          popover="manual"
          className="max-h-64 overflow-y-auto rounded-md border border-stroke-strong bg-overlay p-1 shadow-overlay"
        >
          {matches.map((option, i) => (
            <li
              key={option.value}
              id={`${listId}-${i}`}
              role="option"
              aria-selected={i === active}
              onMouseDown={(event) => { event.preventDefault(); take(option.value) }}
              className="flex min-h-7 cursor-pointer items-center justify-between gap-3 rounded-sm px-2 text-sm hover:bg-hover aria-selected:bg-hover"
            >
              <span className={cn('truncate', mono && 'font-mono text-xs')}>{option.value}</span>
              {option.detail && <span className="text-xs text-faint">{option.detail}</span>}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
