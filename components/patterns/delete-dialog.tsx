'use client'
import { useState, type ReactNode } from 'react'
import { toFailure, type Failure } from '@/components/client/errors'
import { AlertDialog } from '@/components/ui/alert-dialog'
import { Field } from '@/components/ui/field'
import { Input } from '@/components/ui/input'
import { FailureCallout } from './failure'

type DeleteDialogProps = {
  /** "pod", "network". */
  noun: string
  name: string
  /** Asks otherwise than "Delete pod web?": of several at once. */
  title?: ReactNode
  /** What follows from it, a line each. */
  consequences: readonly ReactNode[]
  /** Why it cannot be deleted, as the server says. */
  disabledReason?: string | undefined
  verb?: string
  /** What it destroys comes back by nothing else: the name is typed first. */
  typeName?: boolean
  /** Choices that belong to it, below its consequences. */
  children?: ReactNode
  onDelete: () => Promise<unknown>
  onClose: () => void
}

/** `delete it`, `give it up`. */
const withIt = (verb: string): string => verb.toLowerCase().replace(/^\S+/, '$& it')

/** Names what is destroyed and what follows from it. */
export function DeleteDialog({ noun, name, title, consequences, disabledReason, verb = 'Delete', typeName = false, children, onDelete, onClose }: DeleteDialogProps) {
  const [pending, setPending] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [typed, setTyped] = useState('')
  const isUntyped = typeName && typed !== name
  const confirm = async () => {
    setPending(true)
    setFailure(null)
    try {
      await onDelete()
      onClose()
    } catch (error) {
      setFailure(toFailure(error))
      setPending(false)
    }
  }
  return (
    <AlertDialog
      title={title ?? <>{verb} {noun} <code className="font-mono text-base">{name}</code>?</>}
      confirm={`${verb} ${noun}`}
      pending={pending}
      disabledReason={disabledReason ?? (isUntyped ? `Type ${name} first.` : undefined)}
      onConfirm={() => void confirm()}
      onClose={onClose}
    >
      {failure && <FailureCallout failure={failure} title={`${verb} ${noun} failed`} />}
      <ul className="flex list-disc flex-col gap-1 pl-4 marker:text-faint">
        {consequences.map((line, i) => <li key={i}>{line}</li>)}
      </ul>
      {children}
      {typeName && disabledReason === undefined && (
        <Field label={<>Type <code className="font-mono text-content">{name}</code> to {withIt(verb)}</>}>
          {(control) => <Input {...control} mono value={typed} autoComplete="off" spellCheck={false} onChange={(event) => setTyped(event.target.value)} onKeyDown={(event) => { if (event.key === 'Enter' && !isUntyped && !pending) void confirm() }} />}
        </Field>
      )}
    </AlertDialog>
  )
}
