'use client'
import { X } from 'lucide-react'
import { useId, type ReactNode } from 'react'
import { IconButton } from './button'
import { Modal } from './dialog'

/** A panel on the right edge, as high as the window, over the page it belongs to. */
export function SidePanel({ title, description, onClose, children, footer }: { title: string; description?: ReactNode; onClose: () => void; children: ReactNode; footer?: ReactNode }) {
  const id = useId()
  return (
    <Modal onClose={onClose} labelledBy={id} dismissible={false} className="ml-auto h-dvh w-full max-w-115">
      <div className="flex h-full animate-slide flex-col border-l border-stroke-strong bg-overlay shadow-overlay">
        <header className="flex items-start justify-between gap-4 border-b border-stroke py-3 pl-5 pr-3">
          <div>
            <h2 id={id} className="text-lg font-semibold">{title}</h2>
            {description && <p className="text-sm text-faint">{description}</p>}
          </div>
          <IconButton label="Close" icon={<X className="size-4" />} onClick={onClose} />
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto px-5 py-4">{children}</div>
        {footer && <footer className="flex justify-end gap-2 border-t border-stroke bg-surface px-5 py-3">{footer}</footer>}
      </div>
    </Modal>
  )
}
