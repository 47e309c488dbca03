import { PodFiles } from '@/components/pods/files/files-page'

export default function Page() {
  return <PodFiles />
}
