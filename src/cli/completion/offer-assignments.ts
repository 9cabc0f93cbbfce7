import type { StoreLayout } from '../../store/layout.js';
import { isStoreSettingKey, storeSetting } from '../../vm/settings/store-settings.js';
import { words, type Offer } from './offer.js';
import { images, instances, IS_USABLE, networks, settings } from './store-names.js';

/** Settings to be set: their keys with an equals sign, and behind that their values. */
export async function offerAssignments(layout: StoreLayout, typed: string): Promise<Offer> {
  const at = typed.indexOf('=');
  if (at < 0) {
    const keys = await settings(layout);
    return words(
      keys.map((key) => `${key}=`),
      { goesOn: true },
    );
  }
  const key = typed.slice(0, at);
  if (key === 'local.default.cloud-init') return words([], { paths: 'files' });
  return words((await valuesOf(layout, key)).map((value) => `${key}=${value}`));
}

async function valuesOf(layout: StoreLayout, key: string): Promise<readonly string[]> {
  switch (key) {
    case 'client.primary-name':
      return await instances(layout, IS_USABLE);
    case 'local.bridged-network':
      return await networks();
    case 'local.default.image':
      return await images(layout);
    default:
      if (isStoreSettingKey(key)) return storeSetting(key).values ?? [];
      if (/^local\.[^.]+\.autostart$/.test(key)) return ['true', 'false'];
      return /^local\.[^.]+\.bridged$/.test(key) ? ['true'] : [];
  }
}
