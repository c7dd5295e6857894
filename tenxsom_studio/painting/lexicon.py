"""The words, scenes and palettes of `paint`, as data.

A word matches when a word of the prompt starts with it, so "mountain" also matches "mountains"; words of up to four letters match
as a whole, or with an s. The words of the prompt choose a topic, and the topic has scenes, best first. Every scene lists the
palettes that suit it.
"""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """What a prompt may speak of, and the scenes that show it: at least one of EVEN and one of the others."""

    words: str
    scenes: tuple[str, ...]


TOPICS: dict[str, Topic] = {
    "landscape": Topic(
        "mountain hill valley alpine peak ridge landscape hike hiking summit wilderness dusk desert canyon travel volcano"
        " glacier lake river waterfall cliff adventur",
        ("mountains", "clouds"),
    ),
    "city": Topic(
        "city cities skyline urban tower building street downtown night-life metropolis traffic pavement sidewalk"
        " neighbourhood neighborhood cafe commut car cars taxi bus subway apartment rent crowd suburb avenue rush-hour"
        " skyscraper architect town",
        ("skyline", "street"),
    ),
    "sea": Topic(
        "ocean sea seas wave waves beach surf coast island sail ship ships boat boats harbour harbor marine underwater"
        " dolphin whale shark fish fishes coral reef submarine pacific atlantic tide tides diver diving lagoon jellyfish"
        " octopus",
        ("ocean", "underwater"),
    ),
    "sky": Topic(
        "sky skies cloud sunrise dawn heaven hope inspir motivat dream dreams flight faith believe grateful gratitude",
        ("clouds", "mountains"),
    ),
    "weather": Topic(
        "weather rain rains rainy rainfall storm thunder lightning hurricane tornado snow snowfall blizzard wind winds"
        " windy climate forecast drought flood monsoon hail temperature drizzle umbrella humid",
        ("storm", "clouds"),
    ),
    "space": Topic(
        "space galax nebula star stars hole holes universe cosmos cosmic planet astronom astronaut orbit rocket nasa mars"
        " moon moons telescope alien venus jupiter saturn comet asteroid meteor satellite gravity eclipse supernova",
        ("nebula", "planet"),
    ),
    "mystery": Topic(
        "fog foggy mist misty mystery mysterious haunt ghost vanish disappear secret legend dark crime unsolved shadow"
        " murder detective",
        ("forest", "street"),
    ),
    "plants": Topic(
        "forest woods woodland tree trees jungle plant plants planting flower leaf leaves garden seed seeds seedling grow"
        " grows root roots moss fern bloom blossom orchard botan vine grass meadow houseplant cactus rose roses soil"
        " compost photosynth herb herbs bonsai",
        ("forest", "leaves"),
    ),
    "animals": Topic(
        "animal wildlife zoo dog dogs puppy cat cats kitten horse lion tiger bear bears wolf wolves fox foxes deer"
        " elephant giraffe monkey bird birds owl eagle penguin snake lizard insect bee bees butterfl ant ants pet pets cow"
        " cows sheep rabbit mouse mice dinosaur savanna safari mammal reptile predator herd species",
        ("animals", "leaves"),
    ),
    "technology": Topic(
        "tech technolog circuit comput chip chips ai digital data network cyber code coding software quantum algorithm"
        " internet processor gpu hack hacker phone smartphone laptop app apps server browser password encrypt battery",
        ("circuit", "machine"),
    ),
    "machines": Topic(
        "machine machinery engine gear gears mechan factory factories industr robot motor turbine piston clockwork tool"
        " tools workshop drill weld lathe assembly trains railway locomotive engineer construct excavator crane bicycle"
        " bike steam-engine watchmak manufactur",
        ("machine", "circuit"),
    ),
    "history": Topic(
        "map maps histor medieval empire emperor explor pirate treasure voyage century centuries war wars king kings"
        " queen expedition colony civilisation civilization dynasty revolution knight castle pharaoh viking",
        ("old_map", "columns"),
    ),
    "antiquity": Topic(
        "rome roman greek greece temple museum archive library cathedral palace philosoph law laws democrac marble"
        " monument ruins stoic ancient egypt pyramid senate",
        ("columns", "old_map"),
    ),
    "money": Topic(
        "money cash dollar euro euros coin coins bank banks banking budget save saving savings invest finance financ debt"
        " loan salary wage tax taxes income price prices cost costs market business startup company pay pays paid wallet"
        " rich wealth credit mortgage inflation interest profit pension insurance shop shopping trade",
        ("market", "signals"),
    ),
    "trends": Topic(
        "trend viral growth rise chart graph stock stocks statistic analys econom percent record data-driven crypto"
        " bitcoin followers engagement ranking",
        ("signals", "skyline"),
    ),
    "food": Topic(
        "food kitchen cook cooking cooked chef recipe knife knives bake baked baking bread dough pans pot pots oven"
        " stove boil fry fried roast grill soup pasta rice vegetable fruit tomato onion garlic potato carrot cheese egg"
        " eggs meat chicken salad sauce butter breakfast lunch dinner meal meals eat eats eating taste tasty spice spices"
        " salt pepper sugar coffee tea teas chocolate cake dessert restaurant ingredient plate plates cup cups spoon fork"
        " bowl dish dishes drink drinks wine beer juice lemon apple apples banana cutlery hunger hungry snack pizza burger"
        " noodle honing whetstone chopping",
        ("kitchen", "table"),
    ),
    "body": Topic(
        "body bodies health heart hearts blood brain brains muscle bone bones lung lungs breath breathe sleep sleeping"
        " doctor medic hospital disease virus viruses vitamin skin nerve stress anxiety mind anatomy cell cells dna gene"
        " genes immune stomach pain diet nutrition posture back-pain therapy meditat mental pulse patient surgery spine",
        ("body", "sports"),
    ),
    "sports": Topic(
        "sport sports football soccer basketball tennis running runner marathon race races racing athlet gym workout"
        " exercise fitness yoga olympic stadium goal goals player players team teams coach match ball-game champion"
        " training sprint swim swimming cycling boxing skate skateboard ski skiing baseball cricket golf rugby hockey"
        " push-up squat",
        ("sports", "body"),
    ),
    "learning": Topic(
        "explain learn lesson science guide understand step steps layer paper teach educat school concept exam student",
        ("papercut", "spheres"),
    ),
    "tips": Topic(
        "tip tips quick easy simple product ball sphere toy habit productivity trick tricks bounce",
        ("spheres", "papercut"),
    ),
    "flow": Topic(
        "ribbon silk flow satisf smooth fabric wave-form calm relax asmr texture abstract soft music paint painting",
        ("ribbons", "liquid"),
    ),
    "liquid": Topic(
        "liquid molten morph melt fluid slime gel honey metal chrome sensory lava lamp drip pour oil",
        ("liquid", "ribbons"),
    ),
    "stone": Topic(
        "slice slicing agate crystal gem geode mineral sand kinetic soap rock rocks jewel quartz",
        ("agate", "liquid"),
    ),
}

EVEN = frozenset({
    "mountains", "skyline", "ocean", "storm", "nebula", "forest", "animals", "circuit", "old_map", "market", "kitchen", "body",
    "papercut", "ribbons", "agate",
})  # fmt: skip
"""The scenes of a film's first, third, fifth picture; the others are those of the second and fourth. So neighbours differ."""

FRAMINGS = (
    *("wide establishing shot", "close-up", "medium shot", "macro detail", "low-angle shot", "overhead shot"),
    *("over-the-shoulder shot", "long-lens shot", "silhouette against the light", "eye-level shot"),
)
"""The framings that the planner gives to neighbouring pictures, in its order: they number a picture whose order has no number."""

LOOKS = ("palette of", "style:", "look:", "mood:", "light:")
"""How sentences begin that say only how a picture looks, not what it shows."""

MOODS: dict[str, tuple[str, ...]] = {
    "tech_news": ("circuit", "signals", "skyline", "machine"),
    "documentary_mystery": ("forest", "columns", "nebula", "ocean", "street"),
    "explainer": ("papercut", "spheres", "ribbons", "planet"),
    "quick_tips": ("spheres", "papercut", "ribbons", "table"),
    "sensory_morph": ("liquid", "ribbons", "nebula", "underwater"),
    "compressed_history": ("old_map", "columns", "mountains", "street"),
    "satisfying_slice": ("agate", "liquid", "ribbons", "spheres"),
    "trending_analysis": ("signals", "skyline", "circuit", "street"),
    "daily_inspiration": ("clouds", "mountains", "ocean", "leaves"),
}

PALETTES_OF: dict[str, tuple[str, ...]] = {
    "mountains": ("dusk", "teal", "rose", "ember", "ice", "violet", "ocean"),
    "skyline": ("dusk", "violet", "teal", "neon", "ember", "cyber"),
    "ocean": ("teal", "dusk", "ocean", "rose", "ember", "gold"),
    "clouds": ("rose", "gold", "dusk", "teal", "pastel"),
    "nebula": ("violet", "ocean", "teal", "ember", "neon", "aurora"),
    "forest": ("fog", "forest", "teal", "ice", "gold"),
    "circuit": ("cyber", "neon", "violet", "jade", "ember"),
    "columns": ("gold", "sepia", "teal", "dusk"),
    "old_map": ("sepia", "gold"),
    "papercut": ("candy", "ocean", "rose", "teal", "jade", "dusk", "violet"),
    "signals": ("neon", "jade", "cyber", "violet", "ember", "gold"),
    "spheres": ("pastel", "candy", "rose", "jade", "ocean", "teal"),
    "ribbons": ("candy", "ocean", "violet", "rose", "teal", "gold", "jade"),
    "liquid": ("candy", "violet", "neon", "rose", "ember", "ocean"),
    "agate": ("teal", "violet", "candy", "jade", "ocean", "ember"),
    "kitchen": ("teal", "rose", "gold", "jade", "dusk", "sepia"),
    "table": ("rose", "gold", "candy", "jade", "teal", "pastel"),
    "market": ("gold", "teal", "jade", "dusk", "ember"),
    "street": ("dusk", "violet", "teal", "neon", "ember", "rose"),
    "body": ("ocean", "violet", "cyber", "rose", "ember", "teal"),
    "sports": ("teal", "dusk", "jade", "ember", "ocean"),
    "machine": ("teal", "gold", "sepia", "cyber", "ember", "ice"),
    "storm": ("ice", "violet", "ocean", "dusk", "fog"),
    "leaves": ("forest", "jade", "teal", "rose", "gold"),
    "animals": ("ember", "gold", "dusk", "rose", "teal"),
    "underwater": ("ocean", "teal", "aurora", "violet", "ice"),
    "planet": ("violet", "ocean", "teal", "ember", "aurora", "dusk"),
}
