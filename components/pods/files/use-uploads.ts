'use client'
import { useEffect, useRef, useState } from 'react'
import { maxChosen } from './chosen-files'
import { uploadFile, type ChosenFile, type UploadTarget } from './upload'

export type Upload = { id: number; chosen: ChosenFile; target: UploadTarget; sent: number; state: 'waiting' | 'sending' | 'done' | 'failed' | 'cancelled'; message: string }

/** Two at a time: one waits for the disk while the other waits for the network. */
const atOnce = 2
let lastId = 0

/** Uploads of this page, those under way and those that are over, and what starts, cancels and repeats them. */
export function useUploads(onDone: () => void) {
  const [uploads, setUploads] = useState<readonly Upload[]>([])
  const [problem, setProblem] = useState<string | null>(null)
  const waiting = useRef<Upload[]>([])
  const running = useRef(new Map<number, AbortController>())
  const patch = (id: number, change: Partial<Upload>) => setUploads((all) => all.map((each) => (each.id === id ? { ...each, ...change } : each)))

  const next = () => {
    while (running.current.size < atOnce) {
      const upload = waiting.current.shift()
      if (!upload) return
      void send(upload)
    }
  }
  const send = async ({ id, chosen, target }: Upload) => {
    const abort = new AbortController()
    running.current.set(id, abort)
    patch(id, { state: 'sending', sent: 0, message: '' })
    try {
      await uploadFile(target, chosen, (sent) => patch(id, { sent }), abort.signal)
      patch(id, { state: 'done', sent: chosen.file.size })
      onDone()
    } catch (error) {
      patch(id, abort.signal.aborted ? { state: 'cancelled' } : { state: 'failed', message: error instanceof Error ? error.message : String(error) })
    }
    running.current.delete(id)
    next()
  }

  useEffect(() => {
    const all = running.current
    return () => { for (const abort of all.values()) abort.abort() }
  }, [])

  return {
    uploads,
    problem,
    refuse: setProblem,
    start: (target: UploadTarget, files: readonly ChosenFile[]) => {
      setProblem(files.length > maxChosen ? `Choose at most ${maxChosen.toLocaleString('en')} files at once. A larger folder goes as a tar archive, by “npm run copy”.` : null)
      if (files.length > maxChosen) return
      const added = files.map((chosen): Upload => ({ id: (lastId += 1), chosen, target, sent: 0, state: 'waiting', message: '' }))
      waiting.current.push(...added)
      setUploads((all) => [...all, ...added])
      next()
    },
    cancel: (id: number) => {
      running.current.get(id)?.abort()
      waiting.current = waiting.current.filter((each) => each.id !== id)
      patch(id, { state: 'cancelled' })
    },
    repeat: (upload: Upload) => {
      patch(upload.id, { state: 'waiting', sent: 0, message: '' })
      waiting.current.push(upload)
      next()
    },
    clear: () => setUploads((all) => all.filter((each) => each.state === 'waiting' || each.state === 'sending')),
  }
}
