'use client'
import { X } from 'lucide-react'
import { useId, type ReactNode } from 'react'
import { IconButton } from './button'
import { cn } from './cn'

type ModalProps = {
  onClose: () => void
  label?: string | undefined
  labelledBy?: string | undefined
  describedBy?: string | undefined
  role?: 'dialog' | 'alertdialog'
  /** A click beside the dialog closes it too. */
  dismissible?: boolean
  className?: string
  children: ReactNode
}

/**
 * The browser's modal dialog: focus stays in it, the page behind is inert, Escape asks to close, and it lies in the top
 * layer. Mount it to open it. Focus starts on the element with `autoFocus`, else on the first control.
 */
export function Modal({ onClose, label, labelledBy, describedBy, role, dismissible = true, className, children }: ModalProps) {
  return (
    <dialog
      ref={(element) => {
        if (!element || element.open) return
        element.showModal()
        element.querySelector<HTMLElement>('[data-autofocus]')?.focus()
      }}
      role={role}
      aria-label={label}
      aria-labelledby={labelledBy}
      aria-describedby={describedBy}
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return
        event.preventDefault()
        onClose()
      }}
      onMouseDown={(event) => { if (dismissible && event.target === event.currentTarget) onClose() }}
      className={cn('m-0 bg-transparent p-0', className)}
    >
      {children}
    </dialog>
  )
}

/** A dialog in the middle of the window with a title, a body and buttons. */
export function Dialog({ title, onClose, children, footer, wide }: { title: string; onClose: () => void; children: ReactNode; footer?: ReactNode; wide?: boolean }) {
  const id = useId()
  return (
    <Modal onClose={onClose} labelledBy={id} className={cn('mx-auto mt-[12vh] w-[calc(100vw-32px)]', wide ? 'max-w-180' : 'max-w-120')}>
      <div className="flex max-h-[76vh] animate-rise flex-col rounded-lg border border-stroke-strong bg-overlay shadow-overlay">
        <header className="flex items-center justify-between gap-4 border-b border-stroke py-2.5 pl-4 pr-2.5">
          <h2 id={id} className="text-base font-semibold">{title}</h2>
          <IconButton label="Close" icon={<X className="size-4" />} onClick={onClose} />
        </header>
        {/* Reached by the keyboard: it may be longer than the window. */}
        <div role="group" aria-labelledby={id} tabIndex={0} className="min-h-0 overflow-y-auto p-4">{children}</div>
        {footer && <footer className="flex justify-end gap-2 border-t border-stroke px-4 py-3">{footer}</footer>}
      </div>
    </Modal>
  )
}
