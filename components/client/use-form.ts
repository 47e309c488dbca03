'use client'
import { useState, type FormEvent } from 'react'
import type { z } from 'zod'
import { toFailure, type Failure } from './errors'

type FormOptions<V extends Record<string, unknown>, R> = {
  initial: V
  /** Checked before anything is sent; the server checks again. */
  schema?: z.ZodType<unknown, V>
  /** `requestId` is the same for a repeated press, so that a double submit creates one object. */
  submit: (values: V, requestId: string) => Promise<R>
  onDone: (result: R) => void
  /** Where the server's path of a field differs from the field's own name. A field of rows has an error a place: `subnets.0.cidr`. */
  fieldOf?: (path: string, values: V) => string
}

/**
 * A small form: values, an error a field, the server's own error, and whether a press is under way. The field's errors
 * go as soon as it is changed. Nothing is mirrored by effects.
 */
export function useForm<V extends Record<string, unknown>, R>({ initial, schema, submit, onDone, fieldOf = (path) => path }: FormOptions<V, R>) {
  const [values, setValues] = useState(initial)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const [failure, setFailure] = useState<Failure | null>(null)
  const [pending, setPending] = useState(false)
  const [requestId, setRequestId] = useState<string | null>(null)

  const set = <K extends keyof V & string>(name: K, value: V[K]) => {
    setValues((before) => ({ ...before, [name]: value }))
    setErrors((before) => Object.fromEntries(Object.entries(before).filter(([path]) => rootOf(path) !== name)))
  }

  const onSubmit = async (event?: FormEvent) => {
    event?.preventDefault()
    if (pending) return
    const fields = event?.currentTarget instanceof HTMLElement ? event.currentTarget : null
    setFailure(null)
    const checked = schema?.safeParse(values)
    if (checked && !checked.success) {
      setErrors(firstOfEach(checked.error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: sentence(issue.message) }))))
      focusFirstError(fields)
      return
    }
    const id = requestId ?? crypto.randomUUID()
    setRequestId(id)
    setPending(true)
    try {
      onDone(await submit(values, id))
    } catch (error) {
      const failed = toFailure(error)
      const own = failed.problems.map((problem) => ({ path: fieldOf(problem.path, values), message: sentence(problem.message) }))
      setErrors(firstOfEach(own))
      // A taken name belongs to the name field, in the words that say of what and what to do; what belongs to no field stands on top of the form.
      if (failed.code === 'already_exists' && 'name' in values && own.every((problem) => problem.path === 'name')) setErrors({ name: failed.message })
      else if (own.length === 0 || own.some((problem) => !(rootOf(problem.path) in values))) setFailure(failed)
      if (failed.code !== 'network') setRequestId(null)
      if (own.length > 0 || failed.code === 'already_exists') focusFirstError(fields)
    }
    setPending(false)
  }

  const changed = JSON.stringify(values) !== JSON.stringify(initial)
  return { values, set, errors, failure, pending, changed, onSubmit }
}

/** Once the errors are drawn: the first field that has one takes the focus; where none has, the message of a whole list does. */
function focusFirstError(fields: HTMLElement | null) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const field = fields?.querySelector<HTMLElement>('[aria-invalid="true"]')
    if (field) return field.focus()
    const message = fields?.querySelector<HTMLElement>('p[role="alert"]')
    message?.setAttribute('tabindex', '-1')
    message?.focus()
  }))
}

/** The field that an error belongs to. */
const rootOf = (path: string) => path.split('.')[0] ?? path

const sentence = (message: string) => message.charAt(0).toUpperCase() + message.slice(1)

function firstOfEach(problems: ReadonlyArray<{ path: string; message: string }>): Record<string, string> {
  const first: Record<string, string> = {}
  for (const { path, message } of problems) first[path] ??= message
  return first
}
