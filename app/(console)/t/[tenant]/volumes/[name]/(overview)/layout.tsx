import type { ReactNode } from 'react'
import { VolumeOverview } from '@/components/volumes/volume-overview'

/** The overview stays while its side form comes and goes. */
export default function Layout({ children }: { children: ReactNode }) {
  return <VolumeOverview>{children}</VolumeOverview>
}
