"""The words, names and facts that the generator writes with. All of it was typed for this project."""

_CAPITALS = """
France=Paris=Europe Germany=Berlin=Europe Spain=Madrid=Europe Italy=Rome=Europe Portugal=Lisbon=Europe Poland=Warsaw=Europe Austria=Vienna=Europe
Greece=Athens=Europe Norway=Oslo=Europe Sweden=Stockholm=Europe Finland=Helsinki=Europe Denmark=Copenhagen=Europe Ireland=Dublin=Europe Iceland=Reykjavik=Europe
Hungary=Budapest=Europe Romania=Bucharest=Europe Bulgaria=Sofia=Europe Serbia=Belgrade=Europe Croatia=Zagreb=Europe Slovenia=Ljubljana=Europe Slovakia=Bratislava=Europe
Ukraine=Kyiv=Europe Estonia=Tallinn=Europe Latvia=Riga=Europe Lithuania=Vilnius=Europe Belgium=Brussels=Europe the_Netherlands=Amsterdam=Europe Switzerland=Bern=Europe
Czechia=Prague=Europe the_United_Kingdom=London=Europe Albania=Tirana=Europe Luxembourg=Luxembourg=Europe Malta=Valletta=Europe
Egypt=Cairo=Africa Kenya=Nairobi=Africa Nigeria=Abuja=Africa Ghana=Accra=Africa Morocco=Rabat=Africa Algeria=Algiers=Africa Tunisia=Tunis=Africa Libya=Tripoli=Africa
Ethiopia=Addis_Ababa=Africa Uganda=Kampala=Africa Senegal=Dakar=Africa Zimbabwe=Harare=Africa Zambia=Lusaka=Africa Angola=Luanda=Africa Rwanda=Kigali=Africa Mali=Bamako=Africa
Japan=Tokyo=Asia China=Beijing=Asia India=New_Delhi=Asia Thailand=Bangkok=Asia Vietnam=Hanoi=Asia Indonesia=Jakarta=Asia the_Philippines=Manila=Asia Malaysia=Kuala_Lumpur=Asia
Nepal=Kathmandu=Asia Bangladesh=Dhaka=Asia Pakistan=Islamabad=Asia Iran=Tehran=Asia Iraq=Baghdad=Asia Lebanon=Beirut=Asia Jordan=Amman=Asia Qatar=Doha=Asia Oman=Muscat=Asia
Mongolia=Ulaanbaatar=Asia South_Korea=Seoul=Asia Saudi_Arabia=Riyadh=Asia Cambodia=Phnom_Penh=Asia Laos=Vientiane=Asia
Canada=Ottawa=North_America Mexico=Mexico_City=North_America Cuba=Havana=North_America Jamaica=Kingston=North_America the_United_States=Washington=North_America
Costa_Rica=San_Jose=North_America Panama=Panama_City=North_America Honduras=Tegucigalpa=North_America
Brazil=Brasilia=South_America Argentina=Buenos_Aires=South_America Chile=Santiago=South_America Peru=Lima=South_America Colombia=Bogota=South_America Venezuela=Caracas=South_America
Ecuador=Quito=South_America Uruguay=Montevideo=South_America Paraguay=Asuncion=South_America
Australia=Canberra=Oceania New_Zealand=Wellington=Oceania Fiji=Suva=Oceania
"""
CAPITALS, CONTINENTS = {}, {}
for _line in _CAPITALS.split():
    _country, _capital, _continent = (x.replace("_", " ") for x in _line.split("="))
    CAPITALS[_country] = _capital
    CONTINENTS[_country] = _continent
COUNTRIES = list(CAPITALS)

OTHER_CITIES = """Milan Naples Turin Venice Florence Barcelona Seville Valencia Porto Lyon Marseille Nice Toulouse Bordeaux Hamburg Munich Cologne Frankfurt Leipzig Dresden Zurich Geneva Basel
Krakow Gdansk Brno Graz Salzburg Linz Antwerp Ghent Rotterdam Utrecht Bergen Malmo Gothenburg Turku Tampere Aarhus Cork Galway Leeds Bristol Oxford Cambridge York Glasgow Edinburgh Cardiff
Manchester Liverpool Boston Chicago Dallas Denver Austin Seattle Portland Phoenix Houston Atlanta Miami Detroit Memphis Toronto Montreal Vancouver Calgary Osaka Kyoto Nagoya Sapporo Mumbai
Kolkata Chennai Pune Lahore Karachi Shanghai Shenzhen Busan Incheon Sydney Melbourne Perth Brisbane Auckland Lagos Kano Mombasa Durban Fez Tangier Alexandria Luxor Izmir Bursa Haifa Aleppo
Medellin Cali Cusco Rosario Cordoba Recife Salvador Natal Belem Guadalajara Puebla Cancun""".split()
CITIES = sorted(set(CAPITALS.values()) | set(OTHER_CITIES))

FIRST = """Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Mia Noah Olivia Peter Quinn Rosa Sam Tina Uma Victor Wendy Xavier Yara Zoe Adam Bella Carl Diana Ethan Fiona George Hannah
Ivan Julia Kevin Laura Marco Nina Oscar Paula Ravi Sofia Tom Ursula Vera Walter Amir Lena Omar Priya Hugo Elena Akira Mei Chen Fatima Kofi Ingrid Lars Nadia Pablo Rita Stefan Tariq Alice Bob Maria John
Sarah Lucas Daniel Eva Max Ella Theo Ruby Liam Chloe Aiden Nora Owen Lucy Simon Jana Boris Greta Milan Petra James Robert Michael William Richard Thomas Charles Matthew Anthony Mark Paul Andrew Joshua
Kenneth Brian Edward Ronald Timothy Jason Jeffrey Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Gregory Frank Raymond Patrick Dennis Jerry Tyler Aaron Nathan Douglas Zachary
Kyle Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Karen Lisa Nancy Betty Margaret Sandra Ashley Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Cynthia Kathleen
Amy Angela Shirley Brenda Pamela Nicole Samantha Katherine Christine Helen Debra Rachel Carolyn Janet Catherine Heather Diane Joyce Victoria Kelly Christina Joan Evelyn Judith Megan Andrea Cheryl Jacqueline
Martha Gloria Teresa Ann Sara Madison Jean Kathryn Abigail Sophia Judy Amber Brittany Danielle Theresa Marilyn Beverly Denise Zelda Gwen Gwendolyn Igor Olga Dmitri Anton Katya Sven Bjorn Astrid Freya Erik
Jonas Matteo Luca Giulia Chiara Paolo Enzo Diego Carmen Lucia Javier Miguel Carlos Andres Camila Valeria Mateo Santiago Rafael Bruno Thiago Joao Ines Beatriz Pierre Louis Camille Margot Antoine Claire
Yuki Haruto Hana Kenji Sakura Aiko Jin Soo Wei Ling Ming Xin Anh Linh Minh Arjun Anil Deepa Kavya Rohan Sanjay Layla Hassan Yusuf Ali Zainab Khalid Samira Amina Kwame Ama Chidi Ngozi Tunde Zola Thabo
José Zoë Noël André Søren Łukasz Chloé François Jürgen Björn Márta Renée Inés Andrés Özgür Şeyma Aylin Emre Deniz Can Elif Bartek Kasia Agnes Piotr Zofia Jan Marta Tomas Eliska Vaclav Balint Reka Zsofia Ioana Radu Mihai Nikola Vesna Goran Ilse Klaus Jurgen Heidi Otto Fritz Greet Maarten Anouk Daan""".split()
FIRST = list(dict.fromkeys(FIRST))
LAST = """Smith Jones Brown Miller Davis Wilson Moore Taylor Clark Lewis Walker Hall Young King Wright Hill Green Baker Adams Nelson Carter Novak Kowalski Rossi Silva Garcia Tanaka Kim Singh Khan Berg
Larsen Fischer Weber Dubois Moreau Ivanov Popov Haddad Okafor Mensah Johnson Williams Anderson Thompson White Harris Martin Robinson Lopez Gonzalez Perez Sanchez Rivera Torres Flores Campbell Mitchell
Roberts Phillips Evans Turner Parker Edwards Collins Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Cox Diaz Richardson Wood Watson Brooks Bennett Gray Hughes
Price Foster Sanders Ross Powell Jenkins Perry Russell Sullivan Fisher Henderson Coleman Simmons Patterson Jordan Reynolds Hamilton Graham Schmidt Wagner Becker Hoffmann Nakamura Sato Suzuki Yamamoto Chen
Wang Liu Nguyen Patel Sharma Gupta Rahman Yilmaz Demir Costa Santos Oliveira Ferrari Bianchi Romano Lindgren Nilsson Hansen Virtanen Nowak Horvat Dvorak Papadopoulos""".split()

WORDS = """apple banana orange table window garden river mountain yellow purple silver winter summer spring autumn letter number planet rocket castle dragon bridge forest island pepper cheese butter coffee
dinner kitchen bedroom ladder hammer button pocket jacket mirror carpet pillow blanket candle basket bottle camera guitar violin piano trumpet puppet teacher doctor farmer painter singer dancer writer driver
soldier sailor pilot tiger lion zebra giraffe elephant monkey rabbit turtle lizard parrot pigeon spider beetle salmon dolphin whale shark octopus strawberry raspberry blueberry pineapple coconut tomato potato
carrot onion garlic cabbage lettuce spinach mushroom pumpkin cucumber bread noodle pasta pizza burger cookie muffin pancake waffle chocolate vanilla caramel cinnamon ginger pencil eraser marker ruler folder
paper scissors stapler keyboard monitor printer speaker laptop battery charger engine wheel pedal bicycle tractor airplane helicopter submarine balloon umbrella raincoat sweater mitten scarf slipper sandal
necklace bracelet diamond emerald sapphire crystal marble granite copper bronze wooden plastic leather cotton velvet thunder lightning rainbow sunset morning evening midnight happy little gentle clever brave
honest quiet simple famous ancient modern narrow bitter better summit committee mississippi bookkeeper assess success bubble giggle puzzle middle water house light music story world school people family
friend mother father sister brother child woman market street office police church library museum theatre station airport harbour village country nation border king queen prince princess knight wizard witch
giant fairy angel ghost monster robot computer internet science history language grammar sentence paragraph chapter journal magazine newspaper picture painting drawing sculpture statue pattern circle square
triangle corner center border edge surface bottom ceiling floor wall door roof chimney fireplace stove oven fridge freezer kettle teapot plate spoon fork knife glass cup bowl tray napkin curtain sofa chair
bench stool desk lamp clock watch calendar ticket passport wallet purse suitcase backpack luggage journey voyage holiday vacation weekend birthday wedding party festival carnival circus parade picnic camping
hiking fishing hunting sailing swimming running jumping skating skiing cycling climbing tennis football basketball baseball hockey cricket volleyball badminton chess domino marathon champion trophy medal
winner loser player referee coach captain stadium ticket audience applause concert orchestra melody rhythm harmony chorus anthem ballad lullaby whistle drum flute cello organ banjo accordion saxophone clarinet
weather climate season temperature degree sunshine cloud shower drizzle storm hurricane tornado blizzard snow frost icicle glacier iceberg ocean beach shore coast wave current tide coral reef lagoon swamp
marsh meadow prairie desert oasis canyon valley plateau volcano crater lava earthquake avalanche landslide flood drought wildfire oxygen hydrogen nitrogen carbon helium calcium sodium magnesium aluminium iron
steel nickel cobalt titanium platinum mercury uranium atom molecule electron proton neutron nucleus energy gravity magnet electricity voltage circuit resistor transistor processor memory storage network server
browser website password software hardware program function variable constant integer boolean string array matrix vector kernel tensor gradient algorithm database query index cache buffer thread process socket
packet protocol firewall router antenna satellite telescope microscope laboratory experiment hypothesis theory evidence result conclusion discovery invention patent engineer architect mechanic plumber carpenter
electrician gardener butcher baker grocer tailor barber florist jeweller pharmacist dentist surgeon nurse patient hospital ambulance medicine tablet bandage needle thermometer stomach shoulder elbow finger
thumb ankle knee muscle skeleton skull brain heart liver kidney lung stomach blood nerve skin eyebrow eyelash forehead cheek chin tongue tooth throat voice whisper shout laughter sorrow anger fear courage
wisdom patience kindness generosity curiosity imagination intelligence knowledge education university college professor student lesson homework exam diploma degree scholar philosophy psychology biology chemistry
physics geometry algebra arithmetic fraction decimal percent equation formula average maximum minimum quantity distance height width length weight volume area speed velocity hedgehog squirrel hamster badger
otter beaver weasel walrus penguin ostrich flamingo peacock pelican seagull sparrow swallow robin raven falcon eagle vulture buffalo antelope gazelle leopard cheetah panther hyena jackal wolf coyote camel llama
alpaca donkey pony stallion lamb goat rooster turkey goose butterfly dragonfly mosquito cricket grasshopper caterpillar ladybug hornet scorpion snail lobster shrimp oyster squid jellyfish herring sardine trout
mackerel orchid tulip daisy lily violet lavender jasmine sunflower dandelion clover ivy fern moss bamboo willow maple birch cedar spruce pine walnut hazel chestnut almond cashew peanut pistachio raisin apricot
cherry lemon mango melon papaya peach pear plum grape fig date olive radish turnip celery broccoli cauliflower asparagus artichoke zucchini eggplant lentil barley wheat cereal oatmeal biscuit pretzel sandwich
sausage bacon omelette mustard ketchup vinegar honey syrup sugar yogurt custard pudding sorbet espresso cappuccino lemonade sparkling brilliant delicious enormous tremendous mysterious adventure treasure
compass lantern anchor horizon lighthouse espalier trellis orchard vineyard blossom branch trunk root leaf seed petal stem thorn bark twig acorn hedge fence gate path tunnel cave cliff waterfall stream pond
lake puddle bucket shovel rake wheelbarrow greenhouse scarecrow windmill barn stable haystack tractor harvest""".split()
WORDS = list(dict.fromkeys(WORDS))

ACCENTED = """café naïve résumé jalapeño crème brûlée façade über Zürich München Köln Łódź Kraków São Åland smörgåsbord piñata señor mañana déjà château fiancé touché élan Noël Zoë José Søren Málaga Gdańsk straße
garçon forêt œuvre größe süß über çay İzmir Đà ăn Nguyễn привет мир спасибо Москва кофе γειά κόσμος λόγος שלום مرحبا 你好 世界 谢谢 東京 こんにちは さくら カメラ 안녕 서울 हिन्दी ไทย""".split()
EMOJI = "😀 😂 😊 😍 😎 🤖 👍 👋 🎉 🎂 🚀 🌍 🌳 🌱 🍎 🍐 🍕 ☕ ⭐ ✅ ❤ 🔥 🐱 🐶 🦊 🐢".split()

SYLLABLES = [a + b for a in "b br c ch d dr f fl g gr h j k kl l m n p pl qu r s sh sk st sw t th tr v w y z".split() for b in "a e i o u ai ee oo ar en in on ul am er it os".split()]
ENDINGS = "a e o y an en in on ar er or us ix ek el ia io ara elle ette ing ish est ism ful less ness ling kin ster ton ville wood berg ford dale mont stead let some ward wise able ment dom hood".split()

FRUIT = "apples bananas oranges pears grapes lemons plums cherries peaches mangoes pens books chairs lamps cups plates shirts shoes hats bags candles notebooks towels bottles stamps marbles coins shells cookies eggs tickets balloons stickers flowers pencils buttons keys".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
COLORS = "red blue green yellow purple orange black white pink silver brown gray gold turquoise violet".split()
JOBS = "teacher doctor farmer painter singer dancer writer driver pilot nurse baker engineer lawyer gardener cook plumber dentist architect student chef scientist librarian mechanic sailor".split()
FOODS = "pizza pasta soup rice bread cheese chocolate salad curry sushi pancakes tacos noodles dumplings strawberries cake honey olives mushrooms potatoes".split()
HOBBIES = "chess painting hiking reading cooking swimming gardening dancing sailing fishing cycling photography tennis knitting running skiing singing pottery".split()
PETS = "dog cat parrot rabbit hamster horse turtle goldfish pony canary".split()
KIN = "sister brother mother father aunt uncle cousin boss teacher friend neighbour daughter son roommate doctor".split()

SYMBOLS = dict(hydrogen="H", helium="He", lithium="Li", carbon="C", nitrogen="N", oxygen="O", fluorine="F", sodium="Na", magnesium="Mg", aluminium="Al", silicon="Si", phosphorus="P", iron="Fe", nickel="Ni",
               copper="Cu", silver="Ag", gold="Au", mercury="Hg", lead="Pb", tin="Sn", zinc="Zn", calcium="Ca", potassium="K", chlorine="Cl", neon="Ne", argon="Ar", sulfur="S", uranium="U", platinum="Pt", iodine="I")
YOUNG = dict(dog="puppy", cat="kitten", cow="calf", sheep="lamb", goat="kid", horse="foal", pig="piglet", duck="duckling", goose="gosling", bear="cub", frog="tadpole", deer="fawn", kangaroo="joey", swan="cygnet",
             hen="chick", lion="cub", eagle="eaglet", owl="owlet", hare="leveret", seal="pup", elephant="calf", whale="calf", fox="cub", spider="spiderling")
SOUNDS = dict(dog="barks", cat="meows", cow="moos", sheep="bleats", horse="neighs", pig="oinks", duck="quacks", lion="roars", wolf="howls", owl="hoots", frog="croaks", bee="buzzes", snake="hisses", rooster="crows",
              mouse="squeaks", donkey="brays", turkey="gobbles", crow="caws")
OPPOSITES = dict(hot="cold", big="small", up="down", day="night", fast="slow", old="young", happy="sad", open="closed", wet="dry", high="low", early="late", full="empty", hard="soft", left="right", light="dark",
                 loud="quiet", rich="poor", strong="weak", long="short", wide="narrow", true="false", near="far", clean="dirty", good="bad", inside="outside", thick="thin", deep="shallow", first="last", win="lose", buy="sell")
PLURALS = dict(child="children", mouse="mice", foot="feet", tooth="teeth", goose="geese", man="men", woman="women", person="people", ox="oxen", leaf="leaves", wolf="wolves", knife="knives", city="cities", baby="babies",
               box="boxes", bus="buses", dish="dishes", potato="potatoes", tomato="tomatoes", sheep="sheep", fish="fish", cat="cats", dog="dogs", book="books", house="houses", tree="trees", country="countries", berry="berries")
PASTS = dict(go="went", see="saw", eat="ate", drink="drank", run="ran", swim="swam", write="wrote", read="read", take="took", give="gave", come="came", know="knew", think="thought", buy="bought", bring="brought", catch="caught",
             teach="taught", sing="sang", speak="spoke", break_="broke", find="found", fly="flew", grow="grew", make="made", sleep="slept", walk="walked", play="played", jump="jumped", stop="stopped", cry="cried")
PASTS["break"] = PASTS.pop("break_")
COLOR_OF = {"grass": "green", "the sky": "blue", "snow": "white", "a banana": "yellow", "blood": "red", "coal": "black", "a lemon": "yellow", "milk": "white", "an orange": "orange", "a tomato": "red", "chocolate": "brown",
            "a strawberry": "red", "an elephant": "gray", "a flamingo": "pink", "a carrot": "orange", "an emerald": "green", "a ruby": "red", "a sapphire": "blue", "the sun": "yellow", "a frog": "green"}
# A fact: its question, its answer, and the short answer for 'in one word'.
FACTS = [
    ("how many legs a spider has", "How many legs does a spider have", "A spider has 8 legs.", "8"),
    ("how many legs an insect has", "How many legs does an insect have", "An insect has 6 legs.", "6"),
    ("how many arms an octopus has", "How many arms does an octopus have", "An octopus has 8 arms.", "8"),
    ("how many days are in a week", "How many days are in a week", "A week has 7 days.", "7"),
    ("how many days are in a year", "How many days are in a year", "A year has 365 days, and a leap year has 366.", "365"),
    ("how many days are in a leap year", "How many days are in a leap year", "A leap year has 366 days.", "366"),
    ("how many days a year has", "How many days does a year have", "A year has 365 days, and a leap year has 366.", "365"),
    ("who wrote Romeo and Juliet", "Who wrote Romeo and Juliet", "Romeo and Juliet was written by William Shakespeare.", "Shakespeare"),
    ("whether the Earth is round", "Is the Earth round", "Yes, the Earth is round.", "Yes"),
    ("whether the earth is round", "Is the earth round", "Yes, the Earth is round.", "Yes"),
    ("which river is the longest", "What is the longest river", "The longest river is the Nile.", "Nile"),
    ("which country is the largest", "What is the largest country", "The largest country is Russia.", "Russia"),
    ("how many cents are in a dollar", "How many cents are in a dollar", "A dollar has 100 cents.", "100"),
    ("how many months are in a year", "How many months are in a year", "A year has 12 months.", "12"),
    ("how many weeks are in a year", "How many weeks are in a year", "A year has about 52 weeks.", "52"),
    ("how many hours are in a day", "How many hours are in a day", "A day has 24 hours.", "24"),
    ("how many minutes are in an hour", "How many minutes are in an hour", "An hour has 60 minutes.", "60"),
    ("how many seconds are in a minute", "How many seconds are in a minute", "A minute has 60 seconds.", "60"),
    ("how many years are in a century", "How many years are in a century", "A century has 100 years.", "100"),
    ("how many sides a triangle has", "How many sides does a triangle have", "A triangle has 3 sides.", "3"),
    ("how many sides a square has", "How many sides does a square have", "A square has 4 sides.", "4"),
    ("how many sides a pentagon has", "How many sides does a pentagon have", "A pentagon has 5 sides.", "5"),
    ("how many sides a hexagon has", "How many sides does a hexagon have", "A hexagon has 6 sides.", "6"),
    ("how many sides an octagon has", "How many sides does an octagon have", "An octagon has 8 sides.", "8"),
    ("how many faces a cube has", "How many faces does a cube have", "A cube has 6 faces.", "6"),
    ("how many planets orbit the Sun", "How many planets orbit the Sun", "8 planets orbit the Sun.", "8"),
    ("how many continents there are", "How many continents are there", "There are 7 continents.", "7"),
    ("how many strings a violin has", "How many strings does a violin have", "A violin has 4 strings.", "4"),
    ("how many strings a guitar has", "How many strings does a guitar have", "A guitar usually has 6 strings.", "6"),
    ("how many keys a piano has", "How many keys does a piano have", "A piano has 88 keys.", "88"),
    ("how many letters the English alphabet has", "How many letters are in the English alphabet", "The English alphabet has 26 letters.", "26"),
    ("how many vowels English has", "How many vowels are there in English", "English has 5 vowels: a, e, i, o and u.", "5"),
    ("how many players a football team has", "How many players does a football team have", "A football team has 11 players.", "11"),
    ("how many colors a rainbow has", "How many colors does a rainbow have", "A rainbow has 7 colors.", "7"),
    ("how many bits are in a byte", "How many bits are in a byte", "A byte has 8 bits.", "8"),
    ("how many wheels a bicycle has", "How many wheels does a bicycle have", "A bicycle has 2 wheels.", "2"),
    ("which planet is the largest", "What is the largest planet", "The largest planet is Jupiter.", "Jupiter"),
    ("which planet is the smallest", "What is the smallest planet", "The smallest planet is Mercury.", "Mercury"),
    ("which planet is closest to the Sun", "Which planet is closest to the Sun", "Mercury is the planet closest to the Sun.", "Mercury"),
    ("which planet has big rings", "Which planet has big rings", "Saturn is the planet with the big rings.", "Saturn"),
    ("which planet is called the red planet", "Which planet is called the red planet", "Mars is called the red planet.", "Mars"),
    ("which star is closest to Earth", "What is the closest star to Earth", "The closest star to Earth is the Sun.", "Sun"),
    ("which ocean is the largest", "What is the largest ocean", "The largest ocean is the Pacific Ocean.", "Pacific"),
    ("which mountain is the tallest", "What is the tallest mountain", "The tallest mountain is Mount Everest.", "Everest"),
    ("which animal is the largest", "What is the largest animal", "The largest animal is the blue whale.", "whale"),
    ("which land animal is the fastest", "What is the fastest land animal", "The fastest land animal is the cheetah.", "cheetah"),
    ("which land animal is the tallest", "What is the tallest land animal", "The tallest land animal is the giraffe.", "giraffe"),
    ("which desert is the largest hot desert", "What is the largest hot desert", "The largest hot desert is the Sahara.", "Sahara"),
    ("at what temperature water boils", "What is the boiling point of water", "Water boils at 100 degrees Celsius.", "100"),
    ("at what temperature water freezes", "What is the freezing point of water", "Water freezes at 0 degrees Celsius.", "0"),
    ("who wrote Hamlet", "Who wrote Hamlet", "Hamlet was written by William Shakespeare.", "Shakespeare"),
    ("who painted the Mona Lisa", "Who painted the Mona Lisa", "The Mona Lisa was painted by Leonardo da Vinci.", "Leonardo"),
    ("who wrote Don Quixote", "Who wrote Don Quixote", "Don Quixote was written by Miguel de Cervantes.", "Cervantes"),
    ("who wrote Faust", "Who wrote Faust", "Faust was written by Johann Wolfgang von Goethe.", "Goethe"),
    ("who walked on the Moon first", "Who was the first person on the Moon", "The first person on the Moon was Neil Armstrong.", "Armstrong"),
    ("what bees make", "What do bees make", "Bees make honey.", "honey"),
    ("what cows eat", "What do cows eat", "Cows eat grass.", "grass"),
    ("what water is made of", "What is water made of", "Water is made of hydrogen and oxygen.", "H2O"),
    ("what the frozen form of water is called", "What is frozen water called", "Frozen water is called ice.", "ice"),
    ("which day follows Sunday", "Which day comes after Sunday", "Monday comes after Sunday.", "Monday"),
    ("which gas people need to breathe", "Which gas do people need to breathe", "People need oxygen to breathe.", "oxygen"),
    ("which organ pumps blood", "Which organ pumps blood", "The heart pumps blood.", "heart"),
    ("which instrument measures temperature", "What measures temperature", "A thermometer measures temperature.", "thermometer"),
    ("what a triangle is", "What is a triangle", "A triangle is a shape with 3 sides.", "shape"),
    ("what a puppy is", "What is a puppy", "A puppy is a young dog.", "dog"),
]
LISTS = {
    "colors": "red green blue yellow purple orange pink".split(), "fruits": "apple banana orange pear cherry lemon grape".split(), "animals": "dog cat horse cow lion tiger elephant".split(),
    "planets": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split(), "vegetables": "carrot potato onion tomato cabbage spinach pepper".split(), "countries": "France Germany Japan Brazil Egypt Canada India".split(),
    "cities": "Paris London Tokyo Cairo Rome Berlin Madrid".split(), "metals": "iron copper gold silver tin zinc lead".split(), "birds": "eagle owl robin swan duck parrot crow".split(),
    "instruments": "piano guitar violin flute drum trumpet cello".split(), "sports": "football tennis swimming hockey cycling running skiing".split(), "shapes": "circle square triangle rectangle oval hexagon star".split(),
    "days of the week": DAYS, "months": MONTHS, "vowels": "a e i o u".split(), "seasons": "spring summer autumn winter".split(), "oceans": "Pacific Atlantic Indian Southern Arctic".split(),
    "drinks": "water tea coffee milk juice lemonade cocoa".split(), "tools": "hammer saw drill wrench ladder pliers ruler".split(), "jobs": "teacher doctor farmer baker pilot nurse cook".split(),
}
