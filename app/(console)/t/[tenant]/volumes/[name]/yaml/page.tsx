import { VolumeYaml } from '@/components/volumes/volume-yaml'

export default function Page() {
  return <VolumeYaml />
}
