import type { StartPart } from '@/domain/pod/waterfall'

/** A part of a start: its name, what happens in it, and its colour. */
export const partNames: Record<StartPart, { name: string; says: string; colour: string }> = {
  queued: { name: 'Queued', says: 'waiting for the scheduler, and on the host for a place among the starts', colour: 'var(--color-faint)' },
  scheduled: { name: 'Scheduled', says: 'from the choice of a host until it began, tries that failed included', colour: 'color-mix(in oklab, var(--color-faint) 60%, var(--color-info))' },
  image: { name: 'Image', says: 'getting the image', colour: 'var(--color-info)' },
  network: { name: 'Network', says: 'connecting the network', colour: 'color-mix(in oklab, var(--color-info) 60%, var(--color-accent))' },
  disks: { name: 'Disks', says: 'making disks', colour: 'color-mix(in oklab, var(--color-info) 30%, var(--color-accent))' },
  vm: { name: 'Virtual machine', says: 'its template, and starting it', colour: 'var(--color-accent)' },
  guest: { name: 'Guest', says: 'until the agent in the machine was set up', colour: 'color-mix(in oklab, var(--color-accent) 70%, var(--color-content))' },
  container: { name: 'Container', says: 'until the first process ran', colour: 'color-mix(in oklab, var(--color-success) 75%, var(--color-accent))' },
}

/** Whole milliseconds, so that what is shown adds up to the whole as it is shown. */
export const formatWhole = (ms: number): string => `${Math.round(ms).toLocaleString('en')} ms`
