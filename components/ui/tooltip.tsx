'use client'
import { cloneElement, useId, useRef, useState, type FocusEvent, type PointerEvent, type ReactElement, type ReactNode } from 'react'
import { place } from './place'

type Anchor = ReactElement<{
  'aria-describedby'?: string | undefined
  onPointerEnter?: (event: PointerEvent<HTMLElement>) => void
  onPointerLeave?: (event: PointerEvent<HTMLElement>) => void
  onFocus?: (event: FocusEvent<HTMLElement>) => void
  onBlur?: (event: FocusEvent<HTMLElement>) => void
}>

/**
 * Text about the element it wraps, on hover after 350 ms and on keyboard focus at once. It stands in the browser's top
 * layer, can itself be hovered, and goes with Escape (WCAG 1.4.13).
 */
export function Tooltip({ text, children, describes = true }: { text: ReactNode; children: Anchor; describes?: boolean }) {
  const id = useId()
  const [anchor, setAnchor] = useState<HTMLElement | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)

  const show = (element: HTMLElement, delay: number) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setAnchor(element), delay)
  }
  const hide = (delay: number) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setAnchor(null), delay)
  }

  return (
    <>
      {cloneElement(children, {
        'aria-describedby': describes && anchor ? id : children.props['aria-describedby'],
        onPointerEnter: (event) => { children.props.onPointerEnter?.(event); if (event.pointerType === 'mouse') show(event.currentTarget, 350) },
        onPointerLeave: (event) => { children.props.onPointerLeave?.(event); hide(80) },
        onFocus: (event) => { children.props.onFocus?.(event); if (event.currentTarget.matches(':focus-visible')) show(event.currentTarget, 0) },
        onBlur: (event) => { children.props.onBlur?.(event); hide(0) },
      })}
      {anchor && (
        <span
          ref={(element) => {
            if (!element || element.matches(':popover-open')) return
            element.showPopover()
            place(element, anchor, { side: 'top', align: 'center', gap: 6 })
            const escape = (event: KeyboardEvent) => { if (event.key === 'Escape') hide(0) }
            document.addEventListener('keydown', escape)
            return () => document.removeEventListener('keydown', escape)
          }}
          id={id}
          role="tooltip"
          popover="manual"
          onPointerEnter={() => clearTimeout(timer.current)}
          onPointerLeave={() => hide(80)}
          className="max-w-72 animate-appear whitespace-normal rounded-md border border-stroke-strong bg-overlay px-2 py-1 text-left text-xs font-normal text-content shadow-overlay"
        >
          {text}
        </span>
      )}
    </>
  )
}
