import { PodFigures } from '@/components/figures/pod-figures'

export default function Page() {
  return <PodFigures />
}
