import type { ReactNode } from 'react'
import { SnapshotsTab } from '@/components/volume-snapshots/snapshots-tab'

/** The timeline stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <SnapshotsTab>{children}</SnapshotsTab>
}
