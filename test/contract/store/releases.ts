import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import type { ServiceSnapshot } from '../../../src/instance/service.ts'
import { anInstance, aRelease, everyPage, type MakeStore, someTime, world } from './fixtures.ts'

const later = '2026-11-23T13:00:00.000Z'

export function releaseTests(makeStore: MakeStore): void {
  test('a release comes back as it was written, absent fields absent', async t => {
    const { store, instance } = await world(t, makeStore)
    const bare = aRelease(instance, 1)
    const full = aRelease(instance, 2, {
      notes: 'n',
      commitSha: 'c',
      sealedAt: someTime,
      activatedAt: someTime,
      active: true,
    })
    for (const release of [bare, full]) await store.deploys.insertRelease(release)
    assert.deepEqual(await store.deploys.getRelease('acme', bare.id), bare)
    assert.deepEqual(await store.deploys.getRelease('acme', full.id), full)
  })

  test('a hundred that ask at once get the next hundred versions', async t => {
    const { store, instance } = await world(t, makeStore)
    const asked = Array.from({ length: 100 }, () => store.deploys.nextReleaseVersion('acme', instance.id))
    const versions = (await Promise.all(asked)).toSorted((a, b) => a - b)
    assert.deepEqual(
      versions,
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
  })

  test('a version taken in a transaction that fails is given again', async t => {
    const { store, instance } = await world(t, makeStore)
    const failing = store.transaction(async tx => {
      assert.equal(await tx.deploys.nextReleaseVersion('acme', instance.id), 1)
      throw new Error('no')
    })
    await assert.rejects(failing, /^Error: no$/)
    assert.equal(await store.deploys.nextReleaseVersion('acme', instance.id), 1)
  })

  test('each instance counts its versions by itself, and only for its tenant', async t => {
    const { store, instance } = await world(t, makeStore)
    const second = anInstance({ name: 'second' })
    await store.instances.insert(second)
    await store.deploys.nextReleaseVersion('acme', instance.id)
    assert.equal(await store.deploys.nextReleaseVersion('acme', second.id), 1)
    for (const [tenant, id] of [
      ['other', instance.id],
      ['acme', 'inst_none'],
    ] as const) {
      await assert.rejects(store.deploys.nextReleaseVersion(tenant, id), e => isSlipwayError(e, 'not_found'))
    }
    assert.equal(await store.deploys.nextReleaseVersion('acme', instance.id), 2)
  })

  test('two releases of an instance can not have one version', async t => {
    const { store, instance } = await world(t, makeStore)
    await store.deploys.insertRelease(aRelease(instance, 1))
    await assert.rejects(store.deploys.insertRelease(aRelease(instance, 1)))
    assert.equal((await store.deploys.listReleases('acme', instance.id)).total, 1)
  })

  test('releases are listed newest first, each once, while more are added', async t => {
    const { store, instance } = await world(t, makeStore)
    const add = async () => {
      const version = await store.deploys.nextReleaseVersion('acme', instance.id)
      await store.deploys.insertRelease(aRelease(instance, version))
    }
    for (let i = 0; i < 7; i++) await add()
    const all = await everyPage(o => store.deploys.listReleases('acme', instance.id, o), 3, add)
    assert.deepEqual(
      all.map(({ version }) => version),
      [7, 6, 5, 4, 3, 2, 1],
    )
    assert.equal((await store.deploys.listReleases('acme', instance.id, { limit: 1 })).total, 10)
  })

  test('exactly one release is active, and remembers when it first was', async t => {
    const { store, instance } = await world(t, makeStore)
    const [one, two] = [aRelease(instance, 1), aRelease(instance, 2)]
    for (const release of [one, two]) await store.deploys.insertRelease(release)
    assert.equal(await store.deploys.activeRelease('acme', instance.id), undefined)
    await store.deploys.activateRelease(instance.id, one.id, someTime)
    await store.deploys.activateRelease(instance.id, two.id, later)
    await store.deploys.activateRelease(instance.id, one.id, later)
    const active = await store.deploys.activeRelease('acme', instance.id)
    assert.equal(active?.id, one.id)
    assert.equal(active?.activatedAt, someTime)
    const { items } = await store.deploys.listReleases('acme', instance.id)
    assert.deepEqual(
      items.map(({ version, active }) => [version, active]),
      [
        [2, false],
        [1, true],
      ],
    )
    assert.equal(items[0]?.activatedAt, later)
  })

  test('the active release stays when another can not be activated', async t => {
    const { store, instance } = await world(t, makeStore)
    const elsewhere = anInstance({ name: 'second' })
    await store.instances.insert(elsewhere)
    const [mine, theirs] = [aRelease(instance, 1), aRelease(elsewhere, 1)]
    for (const release of [mine, theirs]) await store.deploys.insertRelease(release)
    await store.deploys.activateRelease(instance.id, mine.id, someTime)
    await assert.rejects(store.deploys.activateRelease(instance.id, theirs.id, later))
    assert.equal((await store.deploys.activeRelease('acme', instance.id))?.id, mine.id)
    await assert.rejects(store.deploys.insertRelease(aRelease(instance, 2, { active: true })))
  })

  test('many that activate at once leave exactly one active', async t => {
    const { store, instance } = await world(t, makeStore)
    const all = Array.from({ length: 10 }, (_, i) => aRelease(instance, i + 1))
    for (const release of all) await store.deploys.insertRelease(release)
    await Promise.all(all.map(({ id }) => store.deploys.activateRelease(instance.id, id, someTime)))
    const { items } = await store.deploys.listReleases('acme', instance.id)
    assert.equal(items.filter(({ active }) => active).length, 1)
  })

  test('a release is sealed once and never changes after', async t => {
    const { store, instance } = await world(t, makeStore)
    const release = aRelease(instance, 1)
    await store.deploys.insertRelease(release)
    const whole: ServiceSnapshot[] = [...release.services, { name: 'api', image: 'file:./api', digest: 'sha256:bb' }]
    await store.deploys.sealRelease(release.id, whole, later)
    const sealed = { ...release, services: whole, sealedAt: later, updatedAt: later }
    assert.deepEqual(await store.deploys.getRelease('acme', release.id), sealed)
    await assert.rejects(store.deploys.sealRelease(release.id, [], later), e => isSlipwayError(e, 'internal'))
    assert.deepEqual(await store.deploys.getRelease('acme', release.id), sealed)
  })

  test('the first release is the one with the lowest version', async t => {
    const { store, instance } = await world(t, makeStore)
    assert.equal(await store.deploys.firstRelease('acme', instance.id), undefined)
    for (const version of [2, 1, 3]) await store.deploys.insertRelease(aRelease(instance, version))
    assert.equal((await store.deploys.firstRelease('acme', instance.id))?.version, 1)
  })

  test("another tenant's release is one that does not exist", async t => {
    const { store, instance } = await world(t, makeStore)
    const release = aRelease(instance, 1, { active: true })
    await store.deploys.insertRelease(release)
    const { deploys } = store
    assert.equal(await deploys.getRelease('other', release.id), undefined)
    assert.equal(await deploys.firstRelease('other', instance.id), undefined)
    assert.equal(await deploys.activeRelease('other', instance.id), undefined)
    assert.deepEqual(await deploys.listReleases('other', instance.id), await deploys.listReleases('acme', 'inst_none'))
  })
}
