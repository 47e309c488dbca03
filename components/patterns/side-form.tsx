'use client'
import { useRouter } from 'next/navigation'
import { useId, useState, type FormEvent, type ReactNode } from 'react'
import type { Failure } from '@/components/client/errors'
import { AlertDialog } from '@/components/ui/alert-dialog'
import { Button } from '@/components/ui/button'
import { SidePanel } from '@/components/ui/side-panel'
import { FailureCallout } from './failure'

type SideFormProps = {
  title: string
  description?: ReactNode
  /** Verb and noun: "Create network". */
  submit: string
  /** The page behind, where closing leads. */
  back: string
  form: { pending: boolean; changed: boolean; failure: Failure | null; onSubmit: (event?: FormEvent) => Promise<void> }
  children: ReactNode
}

/** A small form in a panel beside its list. It is a route: it links, reloads and goes Back. Leaving it changed asks. */
export function SideForm({ title, description, submit, back, form, children }: SideFormProps) {
  const router = useRouter()
  const id = useId()
  const [asking, setAsking] = useState(false)
  const leave = () => router.push(back, { scroll: false })
  return (
    <SidePanel
      title={title}
      description={description}
      onClose={() => { if (form.changed && !form.pending) setAsking(true); else leave() }}
      footer={(
        <>
          <Button onClick={() => { if (form.changed) setAsking(true); else leave() }}>Cancel</Button>
          <Button variant="primary" type="submit" form={id} pending={form.pending}>{submit}</Button>
        </>
      )}
    >
      <form id={id} method="post" noValidate onSubmit={(event) => void form.onSubmit(event)} className="flex flex-col gap-4">
        {form.failure && <FailureCallout failure={form.failure} title={`${submit} failed`} />}
        {children}
      </form>
      {asking && (
        <AlertDialog title="Leave the form?" confirm="Discard changes" onConfirm={leave} onClose={() => setAsking(false)}>
          <p>What you entered is not saved.</p>
        </AlertDialog>
      )}
    </SidePanel>
  )
}
