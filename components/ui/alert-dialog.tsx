'use client'
import { useId, type ReactNode } from 'react'
import { Button } from './button'
import { Modal } from './dialog'

type AlertDialogProps = {
  title: ReactNode
  children: ReactNode
  /** Verb and noun: "Delete pod". */
  confirm: string
  cancel?: string
  onConfirm: () => void
  onClose: () => void
  pending?: boolean
  disabledReason?: string | undefined
}

/** Asks before something is destroyed. Focus starts on Cancel, and a click beside it does nothing. */
export function AlertDialog({ title, children, confirm, cancel = 'Cancel', onConfirm, onClose, pending, disabledReason }: AlertDialogProps) {
  const id = useId()
  return (
    <Modal role="alertdialog" onClose={onClose} labelledBy={`${id}-title`} describedBy={`${id}-body`} dismissible={false} className="mx-auto mt-[18vh] w-[calc(100vw-32px)] max-w-110">
      <div className="animate-rise rounded-lg border border-stroke-strong bg-overlay shadow-overlay">
        <div className="flex flex-col gap-2 p-5">
          <h2 id={`${id}-title`} className="text-lg font-semibold">{title}</h2>
          <div id={`${id}-body`} className="flex flex-col gap-3 text-sm text-soft">{children}</div>
        </div>
        <footer className="flex justify-end gap-2 rounded-b-lg border-t border-stroke bg-surface px-5 py-3">
          <Button data-autofocus onClick={onClose}>{cancel}</Button>
          <Button variant="danger" onClick={onConfirm} pending={pending ?? false} disabledReason={disabledReason}>{confirm}</Button>
        </footer>
      </div>
    </Modal>
  )
}
