/* Regions by Chinese name: the full one, or short as people write it. 恩施 is 恩施土家族苗族自治州: what is left over
 * must be what kind of region it is, with the peoples an autonomous one is named after. */
#include "wire/region.h"
#include "wire/region_table.h"
#include <string.h>

enum { SHORT_BYTES_MIN = 6 }; /* two Chinese characters: 沧 alone is not 沧县 */

static const char *const kinds[] = {"省", "市", "县", "区", "旗", "盟", "地区", "林区", "特区", "特别行政区", "矿区"};
static const char *const autonomous[] = {"自治区", "自治州", "自治县", "自治旗"};
/* The peoples that GB/T 2260 names autonomous regions after; 族 may follow. */
static const char *const peoples[] = {
    "各族", "蒙古", "回",     "藏",     "维吾尔",   "苗",     "彝",   "壮",     "布依", "朝鲜", "满",   "侗",   "瑶",
    "白",   "土家", "哈尼",   "哈萨克", "傣",       "黎",     "傈僳", "佤",     "畲",   "拉祜", "水",   "东乡", "纳西",
    "景颇", "土",   "羌",     "锡伯",   "柯尔克孜", "塔吉克", "仫佬", "毛南",   "撒拉", "布朗", "普米", "怒",   "裕固",
    "保安", "独龙", "达斡尔", "鄂温克", "仡佬",     "德昂",   "阿昌", "鄂伦春", "赫哲", "京",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

/* The longest people's name that `text` starts with, 族 included; 0 if none. */
static size_t people(const char *text)
{
    size_t longest = 0;

    for (size_t i = 0; i < COUNT(peoples); i++) {
        size_t size = strlen(peoples[i]);

        if (size > longest && strncmp(text, peoples[i], size) == 0)
            longest = size;
    }
    if (longest > 0 && strncmp(text + longest, "族", strlen("族")) == 0)
        longest += strlen("族");
    return longest;
}

/* 市; 自治区; 土家族苗族自治州 */
static bool is_kind(const char *rest)
{
    if (is_one_of(rest, kinds, COUNT(kinds)))
        return true;
    while (!is_one_of(rest, autonomous, COUNT(autonomous))) {
        size_t size = people(rest);

        if (size == 0)
            return false;
        rest += size;
    }
    return true;
}

enum match { NO_MATCH, SHORT_OLD, FULL_OLD, SHORT_NAME, FULL_NAME, MATCHES };

static enum match match(const struct wire_region *region, const char *name, size_t size)
{
    bool valid = region->edition == 0;

    if (strncmp(region->name, name, size) != 0)
        return NO_MATCH;
    if (region->name[size] == '\0')
        return valid ? FULL_NAME : FULL_OLD;
    if (size < SHORT_BYTES_MIN || !is_kind(region->name + size))
        return NO_MATCH;
    return valid ? SHORT_NAME : SHORT_OLD;
}

uint32_t wire_region_by_name(const char *name, uint32_t within)
{
    uint32_t found[MATCHES] = {0};
    size_t count[MATCHES] = {0};
    size_t size = strlen(name);

    for (size_t i = 0; i < wire_region_table_size && size > 0; i++) {
        const struct wire_region *region = &wire_region_table[i];
        enum match how = match(region, name, size);

        if (how != NO_MATCH && (within == 0 || wire_region_within(region->adcode, within))) {
            found[how] = region->adcode;
            count[how]++;
        }
    }
    for (int how = FULL_NAME; how > NO_MATCH; how--)
        if (count[how] > 0)
            return count[how] == 1 ? found[how] : 0;
    return 0;
}
